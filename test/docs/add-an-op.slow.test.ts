/**
 * The worked example of docs/add-an-op.md, applied to a copy of the sources: it type-checks, runs forward and backward on
 * both devices, and passes the sweep that the document promises.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../tools/setup.mjs";
import { codeBlocks, read } from "./markdown.js";

const runFile = promisify(execFile);
const document = "docs/add-an-op.md";

interface Change {
  readonly file: string;
  /** Text that must be there exactly once, and what takes its place. */
  readonly before: string;
  readonly after: string;
}

/** The hunks of the document's diffs: `---` names a file, `@@` parts two hunks of one. */
function changes(): Change[] {
  const found: Change[] = [];
  for (const { text } of codeBlocks(document).filter(({ language }) => language === "diff")) {
    for (const part of text.split(/^--- a\//m).slice(1)) {
      const [file, ...lines] = part.trimEnd().split("\n");
      for (const hunk of lines.join("\n").split(/^@@$\n?/m)) {
        const own = hunk.trimEnd().split("\n");
        const before = own.filter((line) => !line.startsWith("+"));
        found.push({ file, before: textOf(before), after: textOf(own) });
      }
    }
  }
  return found;
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line.slice(1)}\n`).join("");

const PROGRAM = `
import { grad, tensor, useDevice } from "./src/index.js";
const results: number[][] = [];
for (const device of ["interp", "native"]) {
  await useDevice(device);
  const x = tensor([0.5, 1, 8]);
  const y = x.log2();
  const [dx] = grad(y.sum(), [x]);
  results.push([...(await y.data()), ...(await dx.data())]);
}
console.log(JSON.stringify(results));
`;

describe("docs/add-an-op.md", { timeout: 300_000 }, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "fovea-op-"));
    const copied = ["src", "test/ops", "test/support", "package.json", "tsconfig.json", "vitest.config.ts", "tools"];
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
    for (const { file, before, after } of changes()) {
      const path = join(folder, file);
      const text = readFileSync(path, "utf8");
      expect(text.split(before), `${file} has once:\n${before}`).toHaveLength(2);
      writeFileSync(
        path,
        text.replace(before, () => after),
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (entry: string, ...words: string[]) =>
    runFile(process.execPath, [join(root, "node_modules", entry), ...words], { cwd: folder });

  it("fits one screen", () => {
    expect(read(document).split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives an op that fits the types", async () => {
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...config(), include: ["src", "test"] }));
    const { stdout } = await run("typescript/bin/tsc", "-p", "tsconfig.json", "--incremental", "false");
    expect(stdout).toBe("");
  });

  it("gives an op that runs forward and backward on both devices", async () => {
    writeFileSync(join(folder, "program.ts"), PROGRAM);
    const { stdout } = await run("tsx/dist/cli.mjs", "program.ts");
    const expected = [-1, 0, 3, 2 / Math.LN2, 1 / Math.LN2, 1 / (8 * Math.LN2)].map((x) => expect.closeTo(x, 6));
    expect(JSON.parse(stdout)).toEqual([expected, expected]);
  });

  it("gives an op that passes the sweep", async () => {
    const { stdout } = await run(
      "vitest/vitest.mjs",
      "run",
      "test/ops/scalar.test.ts",
      "test/ops/accuracy.test.ts",
      "-t",
      "log2",
      "--reporter=json",
    );
    const { numPassedTests, numFailedTests } = JSON.parse(stdout.slice(stdout.indexOf("{")));
    expect(numFailedTests).toBe(0);
    expect(numPassedTests).toBeGreaterThan(0);
  });

  const config = () => {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
    const { tsBuildInfoFile: _, incremental: __, ...options } = compilerOptions;
    return { compilerOptions: options };
  };
});
