import type { Reporter } from "vitest/node"

/** Ends a test run with one plain line that scripts can read: `N passed, N failed, N skipped`. */
export const summary: Reporter = {
  onTestRunEnd(modules) {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    )
    const count = (state: string) => states.filter((each) => each === state).length
    const broken = modules.filter(
      (module) => module.state() === "failed" && module.errors().length > 0,
    ).length
    console.log(`${count("passed")} passed, ${count("failed") + broken} failed, ${count("skipped")} skipped`)
  },
}
