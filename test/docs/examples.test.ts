/**
 * Runs every `@example` in the docs of the sources, on the reference device. A comment behind its last statement is checked
 * if it is `shape [..]` or JSON; other comments are for people. Reads the sources as text; must not know what they do.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Tensor, useDevice } from "../../src/index.js";
import { root } from "../../tools/setup.mjs";
import { digitScope, layerScope, writeFixtures } from "./example-scope.js";

const source = join(root, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

const examples = files.flatMap((file) => {
  const found = readFileSync(join(source, file), "utf8").matchAll(/\* @example\n((?: *\* (?!@).*\n)+)/g);
  return Array.from(found, ([, text], index) => {
    const code = text.replaceAll(/^ *\* /gm, "").trimEnd();
    return { name: `${file} ${index}: ${code.split("\n")[0]}`, file, code };
  });
});

/** The code as the body of a function that returns the value of its last statement, which may be a declaration. */
function withResult(code: string): string {
  const parsed = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true);
  const last = parsed.statements[parsed.statements.length - 1];
  const head = code.slice(0, last.getStart());
  if (ts.isExpressionStatement(last)) return `${head}\nreturn ${last.expression.getText()};`;
  if (!ts.isVariableStatement(last)) return code;
  const { name } = last.declarationList.declarations[0];
  return ts.isIdentifier(name) ? `${code}\nreturn ${name.text};` : code;
}

async function run(file: string, code: string): Promise<unknown> {
  const [entry] = file.split("/");
  const scope = entry === "nn" || entry === "optim" ? layerScope(entry) : digitScope();
  const script = `return (async () => {\n${withResult(code)}\n})();`;
  const target = { target: ts.ScriptTarget.ES2022 };
  return new Function(...Object.keys(scope), ts.transpile(script, target))(...Object.values(scope));
}

/** A number, or numbers in arrays, with every number within half of the last digit that the docs print. */
function near(expected: unknown): unknown {
  if (typeof expected === "number") return Number.isInteger(expected) ? expected : expect.closeTo(expected, 4);
  return Array.isArray(expected) ? expected.map(near) : expected;
}

/** What a comment says, if it is JSON. */
function parse(comment: string): unknown {
  try {
    return JSON.parse(comment);
  } catch {
    return undefined;
  }
}

const home = process.cwd();
let folder = "";
beforeAll(async () => {
  await useDevice("interp");
  folder = mkdtempSync(join(tmpdir(), "fovea-examples-"));
  await writeFixtures(folder);
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

describe("the examples in the docs", () => {
  it("are found in every public layer", () => {
    const layers = new Set(examples.map(({ file }) => file.split("/")[0]));
    expect([...layers].sort()).toEqual(["data", "io", "nn", "node", "optim", "tensor", "train", "util", "vision"]);
  });

  it.each(examples)("$name", async ({ file, code }) => {
    const result = await run(file, code);
    const comment = /; \/\/ (.*)$/.exec(code)?.[1] ?? "";
    const shape = /^shape (\[.*\])$/.exec(comment)?.[1];
    const expected = parse(comment);
    if (shape) expect((result as Tensor).shape).toEqual(JSON.parse(shape));
    else if (expected !== undefined) {
      const values = result instanceof Tensor ? await result.toArray() : result;
      expect(values).toEqual(near(expected));
    } else if (result instanceof Tensor) await result.data();
  });
});
