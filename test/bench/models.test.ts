/** What the benchmarks run: the work that they count, and that both sides of a comparison are told the same. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { type Api, prediction, trained, trainingStep } from "../../bench/models.js";
import { openOurs } from "../../bench/ours.js";

let api: Api;
beforeAll(async () => {
  api = await openOurs({ device: "interp", quick: true, peers: [], model: "cnn" });
});

describe("the models of the benchmarks", () => {
  it("are those of networks.py, with the same inputs, classes, optimizer and weight decay", () => {
    const text = readFileSync(new URL("../../bench/networks.py", import.meta.url), "utf8");
    const table = /^INPUTS = \{\n([^}]*)\}/m.exec(text)?.[1] ?? "";
    const rows = [...table.matchAll(/"(\w+)": \(\(([^)]*)\), (\d+), "(\w+)", ([\d.e-]+)\)/g)].map(
      ([, name, shape, classes, optimizer, decay]) => {
        const input = shape.split(",").filter((size) => size.trim() !== "");
        return [name, { input: input.map(Number), classes: Number(classes), optimizer, weightDecay: Number(decay) }];
      },
    );
    const ours = Object.entries(trained).map(([name, { batch: _, ...row }]) => [name, row]);
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(ours));
  });

  // Three passes of two operations per multiply-add, by hand: the shapes of the layers.
  it.each([
    ["mlp", 128 * (784 * 512 + 512 * 256 + 256 * 10)],
    ["cnn", 128 * (28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 3136 * 128 + 128 * 10)],
    ["depthwise", 64 * 32 * 32 * (32 * 192 + 9 * 192 + 192 * 32)],
    [
      "vit",
      64 * (64 * 192 * 192 + 65 * 192 * 12 * (4 * 192 + 2 * 65 + 2 * 768) + 192 * 200), // patches, layers, head
    ],
    ["resnet20", 128 * 40_551_040],
  ] as const)("%s counts its work as direct sums", (model, multiplyAdds) => {
    expect(trainingStep(model, api).flop()).toBe(6 * multiplyAdds);
  });

  it("prediction counts one pass, folded or not", () => {
    const work = { kind: "infer", model: "resnet18", batch: 1, size: 64, classes: 10 } as const;
    const { nn, vision } = api;
    const plain = vision.createModel("resnet18", { classes: 10, size: 64 });
    expect(prediction(work, api).flop()).toBe(2 * nn.countFlops(plain, [1, 3, 64, 64]));
  });
});
