/**
 * The worked examples of docs/add-a-layer.md and docs/add-a-loss.md, applied to one copy of the sources: they type-check,
 * and the sweeps find them and compare them with PyTorch. What PyTorch computes of the documents' rows is in
 * *.reference.json, as test/nn/reference.py writes it, since tests do without PyTorch; the loss has a formula.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read } from "./markdown.js";
import { WorkedExample } from "./worked-example.js";

const PROGRAM = `
import { layers, RReLU } from "./src/nn/index.js";
const message = (run: () => unknown) => {
  try { return String(run()); } catch (error) { return (error as Error).message; }
};
const wrong = RReLU as unknown as new (...args: number[]) => unknown;
console.log(JSON.stringify([
  String(layers.get("RReLU").make({ lower: 0.2 })),
  message(() => new wrong(0.2)),
]));
`;

const examples = [
  {
    document: "docs/add-a-layer.md",
    sweep: "layers",
    family: "layers/regularisation",
    row: "rrelu",
    name: "RReLU",
    tests: 5,
  },
  { document: "docs/add-a-loss.md", sweep: "losses", name: "cauchyLoss", tests: 3 },
];

let example: WorkedExample;
beforeAll(() => {
  example = new WorkedExample(
    examples.map(({ document }) => document),
    ["test/nn", "test/support"],
  );
  const path = (file: string) => join(example.folder, "test/nn", file);
  const parse = (file: string | URL) => JSON.parse(readFileSync(file, "utf8"));
  for (const { family, row, name } of examples) {
    if (!family) continue;
    const cases: { name: string }[] = parse(path(`${family}.cases.json`));
    const reference: unknown[] = parse(path(`${family}.reference.json`));
    const place = cases.findIndex((one) => one.name === name);
    reference.splice(place, 0, parse(new URL(`${row}.reference.json`, import.meta.url)));
    writeFileSync(path(`${family}.reference.json`), JSON.stringify(reference));
  }
});
afterAll(() => example.remove());

describe.each(examples)("$document", ({ document, sweep, name, tests: count }) => {
  it("fits one screen", () => {
    expect(read(document).split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives what the sweep finds and compares with its reference", async () => {
    const tests = `${name}|references|names of their classes`;
    const { passed, failed } = await example.test(`test/nn/${sweep}.test.ts`, tests);
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThanOrEqual(count);
  });
});

it("both give sources that fit the types", async () => {
  expect(await example.typeErrors("src/nn")).toBe("");
});

it("the layer may be named by configurations, and checks its calls", async () => {
  expect(await example.evaluate(PROGRAM)).toEqual([
    "RReLU(lower=0.2, upper=0.3333333333333333)",
    "[RReLU] got 0.2 as its first argument",
  ]);
});
