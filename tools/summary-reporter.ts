/**
 * A vitest reporter that leaves the counts of a run in the file named by FOVEA_TEST_COUNTS, for `tools/test.mjs` to
 * print as the last line. A file that cannot be loaded and an error outside any test each count as one failure.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const path = process.env.FOVEA_TEST_COUNTS;
    if (!path) return;
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state === "pending" ? "failed" : state]++;
      }
    }
    writeFileSync(path, JSON.stringify(counts));
  }
}
