/**
 * `npm test`: installs and builds if needed, then runs every test; arguments after `--` go to vitest. The last line is
 * always `N passed, N failed`, with `, N skipped` when there are some, also when the test runner itself breaks down.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, setUp } from "./setup.mjs";

await setUp();
const folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
const countsFile = join(folder, "counts.json");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const env = { ...process.env, FOVEA_TEST_COUNTS: countsFile };
const { code } = await run(process.execPath, [vitest, "run", ...process.argv.slice(2)], { env });

const counts = readCounts();
if (code !== 0 && counts.failed === 0) counts.failed = 1;
rmSync(folder, { recursive: true, force: true });
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
process.exitCode = code !== 0 ? code : counts.failed > 0 ? 1 : 0;

/** @returns {{ passed: number, failed: number, skipped: number }} nothing passed if the runner left no counts */
function readCounts() {
  try {
    return JSON.parse(readFileSync(countsFile, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
