/**
 * How the tests run: each file in its own process, because native libraries with threads of their own do not survive
 * being loaded twice into one. Two files at a time. Names ending in `.slow.test.ts` and everything under
 * `test/package/` are left out of `npm run check`, never out of `npm test`.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    fileParallelism: true,
    globals: false,
    env: { FOVEA_VERIFY: "1" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", "./tools/summary-reporter.ts"],
  },
});
