/** Which test files share processes: found by what they and their helpers do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { root } from "../../tools/setup.mjs";
import { divideTests } from "../../tools/test-processes.js";

const folder = mkdtempSync(join(tmpdir(), "fovea-tests-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Names of files that need a process, of a folder of tests with these texts. */
function own(files: Readonly<Record<string, string>>): string[] {
  rmSync(join(folder, "test"), { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, "test", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }
  return divideTests(folder).own.map((file) => file.slice("test/".length));
}

it.each([
  ["sets an environment variable", 'process.env.FOVEA_THREADS = "2";'],
  ["changes its folder", "process.chdir(folder);"],
  ["starts child processes", 'import { spawn } from "node:child_process";'],
  ["stubs a global", 'vi.stubGlobal("fetch", mock);'],
  ["registers a device", 'registerDevice("mine", open);'],
  ["imports what it computes the name of", "await import(entry);"],
])("a file that %s has a process of its own", (_, text) => {
  expect(own({ "a.test.ts": text, "b.test.ts": 'import { it } from "vitest";' })).toEqual(["a.test.ts"]);
});

it("so has one whose helper does", () => {
  const files = {
    "x/a.test.ts": 'import "./none.js";\nimport { c } from "../y/c.js";',
    "y/c.ts": 'export { e } from "./e.js";',
    "y/d.test.ts": "",
    "y/e.ts": 'registerDevice("mine", open);',
  };
  expect(own(files)).toEqual(["x/a.test.ts"]);
});

it("reading the environment needs none", () => {
  expect(own({ "a.test.ts": 'if (process.env.CI === "1") await import("./b.js");' })).toEqual([]);
});

it("every test file is in one of the two", () => {
  const { own: alone, shared } = divideTests(root);
  expect(alone).toContain("test/util/cache-folder.test.ts");
  expect(shared).toContain("test/tools/costly-tests.test.ts");
  expect(new Set([...alone, ...shared]).size).toBe(alone.length + shared.length);
});
