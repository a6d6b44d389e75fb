/** The table of docs/models.md says what the models are. */
import { expect, it } from "vitest";
import { countFlops, countParameters } from "../../src/nn/index.js";
import { createModel, modelNames } from "../../src/vision/index.js";
import { read } from "./markdown.js";

const row = /^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| (\d+) classes, (\d) × (\d+) × (\d+) \|/gm;

it("docs/models.md counts every model", () => {
  const rows = Array.from(read("docs/models.md").matchAll(row));
  expect(rows.map(([, name]) => name)).toEqual(modelNames);
  rows.forEach(([, , parameters, work, ...input], index) => {
    const [classes, inChannels, height, width] = input.map(Number);
    const model = createModel(modelNames[index], { classes, inChannels, size: [height, width] });
    const counts = [countParameters(model), countFlops(model, [1, inChannels, height, width])];
    expect(
      counts.map((count) => count.toLocaleString("en")),
      modelNames[index],
    ).toEqual([parameters, work]);
  });
});
