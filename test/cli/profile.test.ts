/** How a profile is shown, from made-up numbers, and how the command answers what is wrong. */
import { describe, expect, it } from "vitest";
import { printJson, printProfile, printTitle } from "../../src/cli/profile-report.js";
import { runProgram } from "../../src/cli/program.js";
import type { ModelProfile, ModelProfileOptions, ProfileRow } from "../../src/train/profile.js";
import { modelNames } from "../../src/vision/index.js";
import { capture } from "./capture.js";

const options: ModelProfileOptions = { model: "resnet20", batch: 64, size: 32, work: "train", steps: 10 };

const row = (layer: string, part: ProfileRow["part"], us: number, more: Partial<ProfileRow> = {}): ProfileRow => ({
  layer,
  layers: [layer],
  part,
  fused: [],
  kernels: ["kernel"],
  us,
  share: us / 2000,
  gflop: 0.0123,
  megabytes: 4.5,
  bound: "bandwidth",
  boundUs: us / 2,
  reached: 0.5,
  ...more,
});

const made: ModelProfile = {
  machine: {
    device: "native",
    lanes: 16,
    threads: 2,
    peaks: {
      gflops: 523.4,
      bandwidths: [
        { bytes: 1e6, gigabytesPerSecond: 391.7 },
        { bytes: 1e9, gigabytesPerSecond: 43.2 },
      ],
    },
  },
  rows: [
    row("conv1", "forward", 1204, { bound: "arithmetic", boundUs: 1180, reached: 0.98, kernels: ["a", "b"] }),
    row("conv1", "weight gradient", 409.4, { fused: ["bn1"] }),
    row("bn1", "forward", 56.08, { boundUs: 60, reached: 1.07 }),
    row("bn1", "input gradient", 1.234, { fused: ["conv1", "layer1.0.conv1", "layer1.0.downsample.0"] }),
    row("25 layers", "several", 99.97, { layers: ["conv1", "bn1"], reached: 0.2, boundUs: 20 }),
  ],
  totals: {
    stepUs: 2000,
    kernelsUs: 1770.7,
    betweenUs: 229.3,
    boundUs: 1465,
    gflop: 0.6,
    megabytes: 1234.5,
    gflops: 300,
    shareOfPeak: 0.573,
    kernels: 385,
    arenaBytes: 3 << 20,
  },
};

describe("the table", () => {
  it("has a line for each part of a layer, the sums, and the biggest gaps last", () => {
    const { terminal, texts } = capture();
    printTitle(terminal, options);
    printProfile(terminal, made);
    expect(texts.out).toMatchInlineSnapshot(`
      "resnet20 · training step · batch 64 · 32 x 32 pixels · median of 10 steps
      native, 2 threads, vectors of 16 floats · measured peak 523 GFLOP/s, memory 43 GB/s, caches up to 392

      layer      part         n     µs    step  GFLOP    MB  bound          µs  reached
      conv1      forward      2  1,204  60.2 %  0.012  4.50  arithmetic  1,180     98 %
                 weight grad  1    409  20.5 %  0.012  4.50  bandwidth     205     50 %  with bn1
      bn1        forward      1   56.1   2.8 %  0.012  4.50  bandwidth    60.0    107 %
                 input grad   1   1.23   0.1 %  0.012  4.50  bandwidth    0.62     50 %  with 3 others
      25 layers  several      1    100   5.0 %  0.012  4.50  bandwidth    20.0     20 %

      step                 2.00 ms  (sum of the bounds 1.47 ms, 73.3 %)
      kernels              1.77 ms  (385 kernels, 0.60 GFLOP, 1,235 MB)
      between kernels      0.23 ms  (11.5 %)
      effective        300 GFLOP/s  (57.3 % of the peak of 523)
      arena                3.0 MiB  (memory of what does not outlive the step)

      biggest gaps: time above the bound
      conv1 weight grad      205 µs  10.2 % of the step  (409 µs where bandwidth needs 205)
      25 layers several     80.0 µs   4.0 % of the step  (100 µs where bandwidth needs 20.0)
      conv1 forward         24.0 µs   1.2 % of the step  (1,204 µs where arithmetic needs 1,180)
      bn1 input grad        0.62 µs   0.0 % of the step  (1.23 µs where bandwidth needs 0.62)
      "
    `);
  });

  it("paints what is near and far from its bound, and dims what takes no time", () => {
    const { terminal, texts } = capture({ isTTY: true });
    printProfile(terminal, made);
    const shown = (text: string) => texts.out.split("\n").find((line) => line.includes(text)) ?? "";
    expect(shown("conv1  ")).toContain("\u001b[32m   98 %");
    expect(shown("weight grad")).toContain("\u001b[33m   50 %");
    expect(shown("25 layers")).toContain("\u001b[31m   20 %");
    expect(shown("input grad")).toContain("\u001b[2m   50 %");
  });

  it("ends with ten gaps at most, of what is above its bound", () => {
    const { terminal, texts } = capture();
    const rows = Array.from({ length: 14 }, (_, i) =>
      row(`layer${i}`, "forward", 100 + i, i === 3 ? { boundUs: 500 } : {}),
    );
    printProfile(terminal, { ...made, rows });
    const lines = texts.out.trimEnd().split("\n");
    const gaps = lines.slice(lines.findIndex((line) => line.startsWith("biggest gaps")) + 1);
    expect(gaps).toHaveLength(10);
    expect(gaps[0]).toMatch(/^layer13 forward /);
    expect(gaps.some((line) => line.startsWith("layer3 "))).toBe(false);
  });
});

it("--json: one object per line, ending with the sums and the gaps", () => {
  const { terminal, texts } = capture();
  printJson(terminal, options, made);
  const lines = texts.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ event }) => event)).toEqual(["profile", ...made.rows.map(() => "layer"), "done"]);
  expect(lines[0]).toEqual({ event: "profile", ...options, ...made.machine });
  expect(lines[1]).toEqual({ event: "layer", ...made.rows[0] });
  const gaps = [
    { layer: "conv1", part: "weight gradient", gapUs: 204.7 },
    { layer: "25 layers", part: "several", gapUs: 79.97 },
    { layer: "conv1", part: "forward", gapUs: 24 },
    { layer: "bn1", part: "input gradient", gapUs: 0.617 },
  ];
  expect(lines.at(-1)).toEqual({ event: "done", ...made.totals, gaps });
});

describe("misuse ends with code 2 and one line", () => {
  it.each([
    ["profile", "missing required argument model. See fovea --help"],
    ["profile resnet21", '[model] there is no model "resnet21". Did you mean resnet20?'],
    ["profile xyz", `[model] there is no model "xyz". Choose one of ${modelNames.join(", ")}`],
    ["profile resnet20 --batch 0", "[cli] --batch must be a whole number from 1, got 0"],
    ["profile resnet20 --batch many", "[cli] --batch must be a number, got many"],
    ["profile resnet20 --size 2.5", "[cli] --size must be a whole number from 1, got 2.5"],
    ["profile resnet20 --steps -1", "[cli] --steps must be a whole number from 1, got -1"],
    ["profile resnet20 --device interp", "[cli] --device must be one of native, wasm, got interp"],
    ["profile resnet20 --train --forward", "[cli] --train and --forward exclude each other"],
    [
      "profile lenet --size 4",
      "[model] images of [3, 4, 4] are too small for lenet. Use larger images, or the model mlp",
    ],
  ])("fovea %s", async (line, message) => {
    const { terminal, texts } = capture();
    const code = await runProgram(line.split(" "), terminal, false);
    expect([code, texts]).toEqual([2, { out: "", err: `fovea: ${message}\n` }]);
  });
});
