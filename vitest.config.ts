import { defineConfig, type Plugin } from "vitest/config"
import { summary } from "./scripts/summary-reporter.ts"

const shared = { isolate: false, testTimeout: 60_000, hookTimeout: 60_000 }

/** The oldest versions that the adapters allow stand in for the current ones. */
const oldestFrameworks: Plugin = {
  name: "oldest-frameworks",
  enforce: "pre",
  resolveId(source) {
    const isFramework = /^(@langchain\/(core|langgraph)|langchain|@openai\/agents)(-|\/|$)/.test(source)
    return isFramework ? this.resolve(source, `${import.meta.dirname}/oldest/package.json`) : undefined
  },
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "current",
          include: [
            "packages/*/src/**/*.test.ts",
            "packages/*/test/**/*.test.ts",
            "examples/**/*.test.ts",
            "scripts/**/*.test.ts",
          ],
        },
      },
      {
        plugins: [oldestFrameworks],
        test: {
          ...shared,
          name: "oldest",
          include: ["packages/{langchain,langgraph,openai-agents}/src/**/*.test.ts"],
        },
      },
    ],
    reporters: ["default", summary],
  },
})
