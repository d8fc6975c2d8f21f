import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "packages/*/test/**/*.test.ts",
      "examples/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    isolate: false,
    testTimeout: 60_000,
    reporters: ["default", "./scripts/summary-reporter.ts"],
  },
})
