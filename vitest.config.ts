/**
 * How the tests run: two files at a time, with one thread to compute (tests that are about threads ask for more). Files
 * that change what belongs to a process have one of their own, the longest first; the others follow and share two.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { COSTLY_TESTS } from "./tools/costly-tests.js";
import { divideTests } from "./tools/test-processes.js";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Examples import the package by its name; in tests that is the sources, so that no build is needed. */
const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

class OwnProcessesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const cost = ({ moduleId }: TestSpecification) => COSTLY_TESTS[relative(root, moduleId).replaceAll("\\", "/")] ?? 0;
    // A shared process ends when a file that does not share it comes next.
    const last = ({ project }: TestSpecification) => Number(project.name === "shared");
    return files.toSorted((a, b) => last(a) - last(b) || cost(b) - cost(a));
  }
}

const { own, shared } = divideTests(root);

export default defineConfig({
  resolve: {
    alias: [
      { find: /^fovea$/, replacement: source("index.ts") },
      { find: /^fovea\/(\w+)$/, replacement: source("node/$1.ts") },
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: "own process", include: own } },
      {
        extends: true,
        test: { name: "shared", include: shared, isolate: false, setupFiles: ["test/support/shared-process.ts"] },
      },
    ],
    pool: "forks",
    maxWorkers: 2,
    fileParallelism: true,
    globals: false,
    env: { FOVEA_VERIFY: "1", FOVEA_THREADS: "1" },
    sequence: { sequencer: OwnProcessesFirst },
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ["default", "./tools/summary-reporter.ts"],
  },
});
