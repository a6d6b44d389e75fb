/**
 * Runs every `@example` in the docs of src/nn and src/optim. A comment behind its last statement is checked if it is
 * `shape [..]` or JSON; other comments are for people. Reads the sources as text; must not know what they do.
 */
import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optim/index.js";
import * as tensors from "../../src/tensor/index.js";

const folders = ["nn", "optim"].map((name) => new URL(`../../src/${name}/`, import.meta.url));
const files = folders.flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)));

const examples = files.flatMap((file) => {
  const found = readFileSync(file, "utf8").matchAll(/\* @example\n((?: *\* (?!@).*\n)+)/g);
  return Array.from(found, ([, text], index) => {
    const code = text.replaceAll(/^ *\* /gm, "").trimEnd();
    return { name: `${file.pathname.split("/").slice(-2).join("/")} ${index}: ${code.split("\n")[0]}`, code };
  });
});

/** What examples may use beside the exports. */
function makeScope(): Record<string, unknown> {
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(8, 2), new nn.BatchNorm1d(2));
  const images = new tensors.Generator(1, "examples").normal([3, 2, 2, 2]);
  const loss = model.call(images).sum();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  return { ...tensors, ...nn.functional, ...nn.init, ...nn, ...optim, model, images, loss, optimizer };
}

/** Runs the example and returns the value of its last statement, which may be a declaration. */
async function run(code: string): Promise<unknown> {
  const last = code.split("\n").at(-1) ?? "";
  const value = /^const (\w+) =/.exec(last)?.[1] ?? last.replace(/;( \/\/.*)?$/, "");
  const body = value === last.replace(/;( \/\/.*)?$/, "") ? code.slice(0, code.length - last.length) : code;
  const script = ts.transpile(`return (() => {\n${body}\nreturn ${value};\n})();`, { target: ts.ScriptTarget.ES2022 });
  const scope = makeScope();
  return new Function(...Object.keys(scope), script)(...Object.values(scope));
}

/** A number, or numbers in arrays, with every number within half of the last digit that the docs print. */
function near(expected: unknown): unknown {
  if (typeof expected === "number") return Number.isInteger(expected) ? expected : expect.closeTo(expected, 4);
  return Array.isArray(expected) ? expected.map(near) : expected;
}

describe("the examples in the docs", () => {
  beforeAll(() => useDevice("interp"));

  it("are found", () => {
    expect(examples.length).toBeGreaterThan(40);
  });

  it.each(examples)("$name", async ({ code }) => {
    const result = await run(code);
    const comment = /; \/\/ (.*)$/.exec(code)?.[1] ?? "";
    const shape = /^shape (\[.*\])$/.exec(comment)?.[1];
    if (shape) expect((result as tensors.Tensor).shape).toEqual(JSON.parse(shape));
    else if (/^[[{\d"]/.test(comment)) {
      const values = result instanceof tensors.Tensor ? await result.toArray() : result;
      expect(values).toEqual(near(JSON.parse(comment)));
    } else if (result instanceof tensors.Tensor) await result.data();
  });
});
