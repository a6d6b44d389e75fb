/**
 * The worked example of docs/add-an-optimizer.md, applied to a copy of the sources: it type-checks, takes PyTorch's steps
 * in the sweep of all optimizers, and runs may ask for it. What PyTorch computes of the document's row is in
 * adamax.reference.json, as test/optim/reference.py writes it, since tests do without PyTorch.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read } from "./markdown.js";
import { WorkedExample } from "./worked-example.js";

const document = "docs/add-an-optimizer.md";

const PROGRAM = `
import { optimizers } from "./src/optim/index.js";
import { recipeFor } from "./src/train/recipes.js";
import { checkOptions } from "./src/train/config.js";
const { optimizer, lr } = recipeFor(checkOptions({ data: "mnist", optimizer: "adamax" }));
console.log(JSON.stringify({ optimizer, lr, names: optimizers.names }));
`;

describe(document, { timeout: 300_000 }, () => {
  let example: WorkedExample;
  beforeAll(() => {
    example = new WorkedExample([document], ["test/optim", "test/support"]);
    const path = (name: string) => join(example.folder, "test/optim", name);
    const parse = (file: string | URL) => JSON.parse(readFileSync(file, "utf8"));
    const cases: { optimizer: string }[] = parse(path("optimizers.cases.json"));
    const reference = parse(path("optimizers.reference.json"));
    const row = parse(new URL("adamax.reference.json", import.meta.url));
    reference.cases.splice(
      cases.findIndex(({ optimizer }) => optimizer === "Adamax"),
      0,
      row,
    );
    writeFileSync(path("optimizers.reference.json"), JSON.stringify(reference));
  });
  afterAll(() => example.remove());

  it("fits one screen", () => {
    expect(read(document).split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives an optimizer that fits the types", async () => {
    expect(await example.typeErrors("src/optim")).toBe("");
  });

  it("gives an optimizer that the sweep finds, and that takes PyTorch's steps on every device", async () => {
    const { passed, failed } = await example.test("test/optim/optimizers.test.ts", "Adamax|references");
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThanOrEqual(10);
  });

  it("gives an optimizer that a run may ask for", async () => {
    const names = ["sgd", "adam", "adamw", "adamax", "muon"];
    expect(await example.evaluate(PROGRAM)).toEqual({ optimizer: "adamax", lr: 0.002, names });
  });
});
