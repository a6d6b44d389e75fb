/**
 * How the tests run: each file in a process of its own, because devices are chosen, and environments read, once a
 * process. Two files at a time, the longest first, with one thread to compute: tests that are about threads ask for more.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { COSTLY_TESTS } from "./tools/costly-tests.js";

/** Examples import the package by its name; in tests that is the sources, so that no build is needed. */
const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const root = fileURLToPath(new URL(".", import.meta.url));
    const cost = ({ moduleId }: TestSpecification) => COSTLY_TESTS[relative(root, moduleId).replaceAll("\\", "/")] ?? 0;
    return files.toSorted((a, b) => cost(b) - cost(a));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^fovea$/, replacement: source("index.ts") },
      { find: /^fovea\/(\w+)$/, replacement: source("node/$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    fileParallelism: true,
    globals: false,
    env: { FOVEA_VERIFY: "1", FOVEA_THREADS: "1" },
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ["default", "./tools/summary-reporter.ts"],
  },
});
