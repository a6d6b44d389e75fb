/** How kernels become rows: order, sums, bounds, and what is left to gain. Times and peaks are made up. */
import { describe, expect, it } from "vitest";
import { bandwidthFor, betterPeaks, type Peaks } from "../../src/runtime/index.js";
import type { FunctionProfile, KernelProfile, Role } from "../../src/tensor/index.js";
import { checkProfileOptions, gapsOf, type ProfiledMachine, summarise } from "../../src/train/profile.js";

/** 100 operations or 10 bytes take a nanosecond; what fits into 1 MB, half as long. */
const peaks: Peaks = {
  gflops: 100,
  bandwidths: [
    { bytes: 1e6, gigabytesPerSecond: 20 },
    { bytes: 4e6, gigabytesPerSecond: 10 },
  ],
};
const machine: ProfiledMachine = { device: "native", lanes: 8, threads: 2, peaks };

const kernel = (anchors: [path: string, role: Role][], more: Partial<KernelProfile> = {}): KernelProfile => ({
  label: "kernel",
  anchors: anchors.map(([path, role]) => ({ path, role })),
  fused: [],
  multiplyAdds: 0,
  flop: 0,
  readBytes: 0,
  writtenBytes: 0,
  timesMs: [1],
  ...more,
});
const made = (...kernels: KernelProfile[]): FunctionProfile => ({ kernels, stepsMs: [10, 30, 12], arenaBytes: 64 });
const many = ["model.conv1", "model.fc", "model.blocks.0.conv", "model"];
const order = ["conv1", "blocks.0.conv", "blocks.0", "fc", "model"];

describe("rows", () => {
  it("come in the order of the modules, with the parts of each; then what is outside; then what is shared", () => {
    const { rows } = summarise(
      made(
        kernel(many.map((path) => [path, "update"])),
        kernel([["loss", "forward"]]),
        kernel([["model", "forward"]]),
        kernel([["model.blocks.0", "forward"]]),
        kernel([["model.fc", "forward"]]),
        kernel([["model.conv1", "weight gradient"]]),
        kernel([["model.blocks.0.conv", "input gradient"]]),
        kernel([["model.conv1", "forward"]]),
        kernel(many.map((path, i) => [path, i === 1 ? "update" : "forward"])),
      ),
      order,
      machine,
    );
    expect(rows.map(({ layer, part }) => `${layer} ${part}`)).toEqual([
      "conv1 forward",
      "conv1 weight gradient",
      "blocks.0.conv input gradient",
      "blocks.0 forward",
      "fc forward",
      "model forward",
      "loss forward",
      "4 layers several",
      "4 layers update",
    ]);
  });

  it("hold all kernels of a part, with medians, and name what is fused once", () => {
    const { rows, totals } = summarise(
      made(
        kernel([["model.conv1", "forward"]], { timesMs: [3, 1, 2], label: "a", flop: 1e6, readBytes: 5e5 }),
        kernel([["model.conv1", "forward"]], {
          timesMs: [4, 4, 40],
          label: "b",
          fused: [
            { path: "model.fc", role: "forward" },
            { path: "model.fc", role: "update" },
            { path: "model.conv1", role: "update" },
          ],
        }),
      ),
      order,
      machine,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ us: 6000, share: 0.5, kernels: ["a", "b"], fused: ["fc"], gflop: 1e-3 });
    expect(totals).toMatchObject({ stepUs: 12_000, kernelsUs: 6000, betweenUs: 6000, kernels: 2, arenaBytes: 64 });
  });

  it("small nests of few layers that share a kernel count for the first of them", () => {
    const shared = kernel([
      ["model.fc", "weight gradient"],
      ["model.fc", "update"],
    ]);
    expect(summarise(made(shared), order, machine).rows).toMatchObject([{ layer: "fc", part: "weight gradient" }]);
    const few = kernel([
      ["model.fc", "update"],
      ["model.conv1", "forward"],
    ]);
    expect(summarise(made(few), order, machine).rows).toMatchObject([
      { layer: "fc", part: "update", layers: ["fc"], fused: ["conv1"] },
    ]);
  });
});

describe("bounds", () => {
  const bound = (more: Partial<KernelProfile>) =>
    summarise(made(kernel([["model.fc", "forward"]], more)), order, machine).rows[0];

  it("are the longer of arithmetic and bandwidth", () => {
    expect(bound({ flop: 1e8, readBytes: 4e6 })).toMatchObject({ bound: "arithmetic", boundUs: 1000, reached: 1 });
    expect(bound({ flop: 1e6, readBytes: 3e6, writtenBytes: 1e6 })).toMatchObject({ bound: "bandwidth", boundUs: 400 });
  });

  it("take the bandwidth at as many bytes as are touched", () => {
    expect(bound({ readBytes: 1e6 }).boundUs).toBeCloseTo(50, 9);
    expect(bound({ readBytes: 4e7 }).boundUs).toBeCloseTo(4000, 9);
    expect(bandwidthFor(2e6, peaks)).toBeCloseTo(Math.sqrt(200), 9);
  });

  it("never take less than the bandwidth of more bytes", () => {
    const strange = { gflops: 1, bandwidths: [peaks.bandwidths[1], { bytes: 8e6, gigabytesPerSecond: 12 }] };
    expect(bandwidthFor(1e6, strange)).toBe(12);
  });

  it("are those of the better measurement", () => {
    const other = { gflops: 90, bandwidths: peaks.bandwidths.map((one) => ({ ...one, gigabytesPerSecond: 15 })) };
    const { gflops, bandwidths } = betterPeaks(peaks, other);
    expect([gflops, ...bandwidths.map(({ gigabytesPerSecond }) => gigabytesPerSecond)]).toEqual([100, 20, 15]);
  });

  it("add up over the kernels of a row, which is named for the larger part", () => {
    const part = (flop: number, readBytes: number) => kernel([["model.fc", "forward"]], { flop, readBytes });
    const [row] = summarise(made(part(1e8, 0), part(0, 4e6)), order, machine).rows;
    expect(row).toMatchObject({ bound: "arithmetic", boundUs: 1400, reached: 0.7 });
  });
});

it("totals: convolutions and products over the step are the effective rate", () => {
  const { totals } = summarise(
    made(kernel([["model.fc", "forward"]], { multiplyAdds: 3e8, flop: 7e8 })),
    order,
    machine,
  );
  expect(totals).toMatchObject({ gflops: 50, shareOfPeak: 0.5, gflop: 0.7 });
});

it("gaps: longest excess first, nothing that beats its bound, as many as requested", () => {
  const rows = [
    kernel([["model.conv1", "forward"]], { timesMs: [1.5], flop: 1e8 }),
    kernel([["model.fc", "forward"]], { timesMs: [0.5], flop: 1e8 }),
    kernel([["model.blocks.0", "forward"]], { timesMs: [9] }),
    kernel([["model.blocks.0.conv", "forward"]], { timesMs: [0.1] }),
  ];
  const gaps = gapsOf(summarise(made(...rows), order, machine), 2);
  expect(gaps.map(({ layer }) => layer)).toEqual(["blocks.0", "conv1"]);
});

it.each([
  [{ batch: 0 }, "[profile] batch must be a whole number from 1, got 0"],
  [{ size: 1.5 }, "[profile] size must be a whole number from 1, got 1.5"],
  [{ steps: Number.NaN }, "[profile] steps must be a whole number from 1, got NaN"],
  [{ model: "resnet21" as never }, '[model] there is no model "resnet21"'],
])("refuses %o", (wrong, message) => {
  const options = { model: "resnet20", batch: 1, size: 32, work: "train", steps: 1, ...wrong } as const;
  expect(() => checkProfileOptions(options)).toThrow(message);
});
