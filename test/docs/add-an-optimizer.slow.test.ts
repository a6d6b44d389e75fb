/**
 * The worked example of docs/add-an-optimizer.md, applied to a copy of the sources: it type-checks, takes the steps of its
 * formula in the sweep of all optimizers, and runs may ask for it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read } from "./markdown.js";
import { WorkedExample } from "./worked-example.js";

const document = "docs/add-an-optimizer.md";

const PROGRAM = `
import { optimizers } from "./src/optim/index.js";
import { recipeFor } from "./src/train/recipes.js";
import { checkOptions } from "./src/train/config.js";
const { optimizer, lr } = recipeFor(checkOptions({ data: "mnist", optimizer: "yogi" }));
console.log(JSON.stringify({ optimizer, lr, names: optimizers.names }));
`;

describe(document, { timeout: 300_000 }, () => {
  let example: WorkedExample;
  beforeAll(() => {
    example = new WorkedExample([document], ["test/optim", "test/support"]);
  });
  afterAll(() => example.remove());

  it("fits one screen", () => {
    expect(read(document).split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives an optimizer that fits the types", async () => {
    expect(await example.typeErrors("src/optim")).toBe("");
  });

  it("gives an optimizer that the sweep finds, and that takes its steps on every device", async () => {
    const { passed, failed } = await example.test("test/optim/optimizers.test.ts", "Yogi|references");
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThanOrEqual(8);
  });

  it("gives an optimizer that a run may ask for", async () => {
    const { optimizer, lr, names } = (await example.evaluate(PROGRAM)) as Record<string, unknown>;
    expect({ optimizer, lr }).toEqual({ optimizer: "yogi", lr: 0.01 });
    expect(names).toContain("yogi");
  });
});
