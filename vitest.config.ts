/**
 * How the tests run: each file in its own process, because native libraries with threads of their own do not survive
 * being loaded twice into one. Two files at a time. Names ending in `.slow.test.ts` and everything under
 * `test/package/` are left out of `npm run check`, never out of `npm test`.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Examples import the package by its name; in tests that is the sources, so that no build is needed. */
const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

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
    env: { FOVEA_VERIFY: "1" },
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ["default", "./tools/summary-reporter.ts"],
  },
});
