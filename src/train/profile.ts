/**
 * A profile of a model by name: its step on random images, kernel by kernel, grouped by layer and compared with the
 * peaks of the machine. It must not know how a profile is shown.
 */
import { functional, type Module, manualSeed } from "../nn/index.js";
import { SGD } from "../optim/index.js";
import {
  currentDevice,
  type FunctionProfile,
  Generator,
  type KernelProfile,
  noGrad,
  type Role,
  realize,
  type Tensor,
} from "../tensor/index.js";
import { bandwidthFor, type Peaks, profileAgainstPeaks } from "../tensor/profile.js";
import { ConfigError } from "../util/errors.js";
import { withScope } from "../util/scope.js";
import { createModel, type ModelName } from "../vision/index.js";

/** The step to profile. */
export interface ModelProfileOptions {
  readonly model: ModelName;
  /** Number of images per step, ≥ 1. */
  readonly batch: number;
  /** Side of the images in pixels, ≥ 1. */
  readonly size: number;
  /** Kind of step: a whole training step, or the forward pass in evaluation. */
  readonly work: "train" | "forward";
  /** Number of measured steps, ≥ 1. */
  readonly steps: number;
}

/** The device in use, and its measured peaks. */
export interface ProfiledMachine {
  readonly device: string;
  /** Number of floats in a vector. */
  readonly lanes: number;
  readonly threads: number;
  readonly peaks: Peaks;
}

/** The resource that determines the least time of a kernel. */
type Bound = "arithmetic" | "bandwidth";

/** The kernels of one part of a layer. */
export interface ProfileRow {
  /** Path of the module, or the number of modules if more than a few share these kernels. */
  readonly layer: string;
  /** Paths of the modules that the row belongs to. */
  readonly layers: readonly string[];
  readonly part: Role | "several";
  /** Paths of other modules some of whose operations are fused into these kernels. */
  readonly fused: readonly string[];
  /** Names of the kernels. */
  readonly kernels: readonly string[];
  /** Time per step in µs: the median over the steps. */
  readonly us: number;
  /** Share of the time of the step, 0 to 1. */
  readonly share: number;
  readonly gflop: number;
  /** Bytes read and written, in units of 10⁶. */
  readonly megabytes: number;
  readonly bound: Bound;
  readonly boundUs: number;
  /** Bound divided by time; above 1 where Winograd's algorithm or the caches beat the bound. */
  readonly reached: number;
}

/** Sums over a step. */
interface ProfileTotals {
  readonly stepUs: number;
  readonly kernelsUs: number;
  /** Time of a step outside its kernels: the call, and waiting between kernels. */
  readonly betweenUs: number;
  readonly boundUs: number;
  readonly gflop: number;
  readonly megabytes: number;
  /** Throughput of convolutions and matrix products: their operations, counted directly, over the time of the step. */
  readonly gflops: number;
  readonly shareOfPeak: number;
  readonly kernels: number;
  readonly arenaBytes: number;
}

/** The profile of a step, grouped into rows. */
export interface ModelProfile {
  readonly machine: ProfiledMachine;
  readonly rows: readonly ProfileRow[];
  readonly totals: ProfileTotals;
}

/** Number of classes of the random labels. */
const CLASSES = 10;
const ROOT = "model";
/** Largest number of layers for which a shared kernel is shown with the first of them. */
const FEW = 3;
const ROLES: readonly Role[] = ["forward", "input gradient", "weight gradient", "update"];

/**
 * Checks the options of a profile.
 *
 * @throws ConfigError naming the option
 */
export function checkProfileOptions(options: ModelProfileOptions): Module {
  for (const name of ["batch", "size", "steps"] as const) {
    const value = options[name];
    if (Number.isInteger(value) && value >= 1) continue;
    throw new ConfigError(`[profile] ${name} must be a whole number from 1, got ${value}`);
  }
  manualSeed(0);
  return createModel(options.model, { classes: CLASSES, size: options.size });
}

/** Runs steps of the model that {@link checkProfileOptions} built, and groups their kernels into rows. */
export async function profileModel(
  model: Module,
  { batch, size, work, steps }: ModelProfileOptions,
): Promise<ModelProfile> {
  const { name: device, target } = await currentDevice();
  const random = new Generator(0, { stream: "profile" });
  const x = random.normal([batch, 3, size, size]);
  const y = random.uniform([batch], { high: CLASSES }).to("i32");
  await realize(x, y);
  const step = work === "train" ? trainStep(model) : forward(model);
  const { made, peaks } = await profileAgainstPeaks(step, [x, y], { steps });
  return summarise(made, orderOf(model), { device, lanes: target.lanes, threads: target.threads, peaks });
}

/** Paths of the modules, each after those inside it, so that the operations of a block itself come after its layers. */
function orderOf(model: Module): string[] {
  const paths = model.namedModules().map(([path]) => path);
  const last = (path: string) => paths.findLastIndex((other) => path === "" || `${other}.`.startsWith(`${path}.`));
  return [...paths].sort((a, b) => last(a) - last(b) || b.length - a.length).map((path) => path || ROOT);
}

function trainStep(model: Module): (x: Tensor, y: Tensor) => Tensor {
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 });
  return (x, y) => {
    model.train();
    const logits = model(x);
    const loss = withScope("loss", () => functional.crossEntropy(logits, y));
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss.detach();
  };
}

const forward =
  (model: Module) =>
  (x: Tensor): Tensor =>
    noGrad(() => model.eval()(x));

/** Groups kernels into rows, in the order of the modules; kernels outside the model or shared by layers come last. */
export function summarise(
  { kernels, stepsMs, arenaBytes }: FunctionProfile,
  order: readonly string[],
  machine: ProfiledMachine,
): ModelProfile {
  const stepUs = 1e3 * median(stepsMs);
  const groups = new Map<string, KernelProfile[]>();
  for (const kernel of kernels) {
    const { layers, part } = placeOf(kernel);
    const key = JSON.stringify([layers, part]);
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  }
  const position = ({ layers, part }: ProfileRow): number => {
    const at = layers.length > 1 ? order.length + 1 : order.indexOf(layers[0]);
    return (at < 0 ? order.length : at) * ROLES.length + Math.max(0, ROLES.indexOf(part as Role));
  };
  const rows = [...groups.values()].map((group) => rowOf(group, stepUs, machine.peaks));
  rows.sort((a, b) => position(a) - position(b));
  const total = (value: (row: ProfileRow) => number) => rows.reduce((sum, row) => sum + value(row), 0);
  const kernelsUs = total(({ us }) => us);
  const gflops = (2 * sum(kernels, ({ multiplyAdds }) => multiplyAdds)) / stepUs / 1e3;
  return {
    machine,
    rows,
    totals: {
      stepUs,
      kernelsUs,
      betweenUs: Math.max(0, stepUs - kernelsUs),
      boundUs: total(({ boundUs }) => boundUs),
      gflop: total(({ gflop }) => gflop),
      megabytes: total(({ megabytes }) => megabytes),
      gflops,
      shareOfPeak: gflops / machine.peaks.gflops,
      kernels: kernels.length,
      arenaBytes,
    },
  };
}

/** `model.layer1.0` as `layer1.0`; the model itself keeps its name. */
function layerOf(path: string): string {
  if (path === "") return "other";
  return path.startsWith(`${ROOT}.`) ? path.slice(ROOT.length + 1) : path;
}

/**
 * The row that a kernel belongs to. Small loop nests of a few layers that share a kernel count for the first of them.
 */
function placeOf({ anchors }: KernelProfile): { layers: string[]; part: ProfileRow["part"] } {
  const layers = [...new Set(anchors.map(({ path }) => layerOf(path)))];
  if (layers.length <= FEW) return { layers: layers.slice(0, 1), part: anchors[0].role };
  return { layers, part: new Set(anchors.map(({ role }) => role)).size > 1 ? "several" : anchors[0].role };
}

function rowOf(group: readonly KernelProfile[], stepUs: number, peaks: Peaks): ProfileRow {
  const { layers, part } = placeOf(group[0]);
  const us = sum(group, ({ timesMs }) => 1e3 * median(timesMs));
  let boundUs = 0;
  const byBound = { arithmetic: 0, bandwidth: 0 };
  for (const { flop, readBytes, writtenBytes } of group) {
    const bytes = readBytes + writtenBytes;
    const arithmetic = flop / peaks.gflops / 1e3;
    const bandwidth = bytes / bandwidthFor(bytes, peaks) / 1e3;
    byBound[arithmetic >= bandwidth ? "arithmetic" : "bandwidth"] += Math.max(arithmetic, bandwidth);
    boundUs += Math.max(arithmetic, bandwidth);
  }
  const others = new Set(
    group.flatMap(({ anchors, fused }) => [...anchors, ...fused].map(({ path }) => layerOf(path))),
  );
  return {
    layer: layers.length > 1 ? `${layers.length} layers` : layers[0],
    layers,
    part,
    fused: [...others].filter((layer) => !layers.includes(layer)),
    kernels: group.map(({ label }) => label),
    us,
    share: us / stepUs,
    gflop: sum(group, ({ flop }) => flop) / 1e9,
    megabytes: sum(group, ({ readBytes, writtenBytes }) => readBytes + writtenBytes) / 1e6,
    bound: byBound.arithmetic >= byBound.bandwidth ? "arithmetic" : "bandwidth",
    boundUs,
    reached: us > 0 ? boundUs / us : 1,
  };
}

/** The rows that take longer than their bound, by descending excess. */
export function gapsOf({ rows }: ModelProfile, count: number): ProfileRow[] {
  const above = rows.filter(({ us, boundUs }) => us > boundUs);
  return above.sort((a, b) => b.us - b.boundUs - (a.us - a.boundUs)).slice(0, count);
}

const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
