/**
 * The worked example of docs/add-an-op.md, applied to a copy of the sources: it type-checks, runs forward and backward on
 * both devices, and passes the sweep that the document promises.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read } from "./markdown.js";
import { WorkedExample } from "./worked-example.js";

const document = "docs/add-an-op.md";

const PROGRAM = `
import { grad, tensor, useDevice } from "./src/index.js";
const results: number[][] = [];
for (const device of ["interp", "native"]) {
  await useDevice(device);
  const x = tensor([-1, 0, 2]);
  const y = x.exp10();
  const [dx] = grad(y.sum(), [x]);
  results.push([...(await y.data()), ...(await dx.data())]);
}
console.log(JSON.stringify(results));
`;

describe("docs/add-an-op.md", { timeout: 300_000 }, () => {
  let example: WorkedExample;
  beforeAll(() => {
    example = new WorkedExample([document], ["test/ops", "test/support"]);
  });
  afterAll(() => example.remove());

  it("fits one screen", () => {
    expect(read(document).split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives an op that fits the types", async () => {
    expect(await example.typeErrors("src", "test")).toBe("");
  });

  it("gives an op that runs forward and backward on both devices", async () => {
    const expected = [0.1, 1, 100, 0.1 * Math.LN10, Math.LN10, 100 * Math.LN10].map((x) => expect.closeTo(x, 4));
    expect(await example.evaluate(PROGRAM)).toEqual([expected, expected]);
  });

  it("gives an op that passes the sweep", async () => {
    const { passed, failed } = await example.test("test/ops/scalar.test.ts", "exp10");
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThan(0);
  });
});
