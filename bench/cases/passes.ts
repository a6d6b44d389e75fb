/**
 * `norm`, `activations`, `softmax`, `attention` and `unet-block`: single layers, forward and backward as one compiled
 * program. It gets x (of attention queries, keys and values) and the output's gradient and gives the output and the
 * gradients of x and of the parameters. The rate is that of the traffic that cannot be avoided, three passes over x and
 * two over y: x in and y out, then x and dy in and dx out; of attention that of its arithmetic.
 */
import type { Tensor } from "../../src/tensor/index.js";
import { Crew, TUNED, torchProgram } from "../crews.js";
import { meanMagnitude } from "../magnitude.js";
import type { Api } from "../models.js";
import { type BenchOptions, openOurs, ourContestant, requireSame } from "../ours.js";
import { uniform } from "../pattern.js";
import { type ModeResult, type PeerResult, peerLabels, type Report, round } from "../report.js";
import { alternate } from "../rounds.js";
import type { PassName, Work } from "../work.js";

interface Pass {
  readonly op: PassName;
  readonly shape: readonly number[];
  /** Shape of the weight; null without. */
  readonly weight: readonly number[] | null;
  /** Shape of the bias; null without. Default that of the weight. */
  readonly bias?: readonly number[] | null;
  /** Shape of the output. Default that of x. */
  readonly output?: readonly number[];
  /** How many tensors of the shape go in. Default 1. */
  readonly operands?: number;
}

type PassBench = "norm" | "activations" | "softmax" | "attention" | "unet-block";

const images = [64, 256, 56, 56] as const;
const tokens = [64, 197, 1536] as const;
const features = [16, 64, 64, 64] as const;
const doubled = [16, 64, 128, 128] as const;

const ROWS: Readonly<Record<PassBench, readonly Pass[]>> = {
  norm: [
    { op: "groupNorm", shape: images, weight: [256] },
    { op: "layerNorm", shape: images, weight: [256, 56, 56] },
    { op: "instanceNorm", shape: images, weight: [256] },
    { op: "layerNorm", shape: tokens, weight: [1536] },
    { op: "rmsNorm", shape: tokens, weight: [1536], bias: null },
  ],
  activations: (["gelu", "geluTanh", "silu", "mish", "elu", "hardswish", "softplus"] as const).map((op) => {
    return { op, shape: tokens, weight: null };
  }),
  softmax: [{ op: "softmax", shape: [64, 12, 197, 197], weight: null }],
  attention: [
    { op: "attention", shape: [16, 6, 197, 64], weight: null, operands: 3 },
    { op: "attention", shape: [2, 6, 1024, 64], weight: null, operands: 3 },
  ],
  "unet-block": [
    { op: "convTranspose2d", shape: features, weight: [64, 64, 2, 2], bias: [64], output: doubled },
    { op: "bilinear", shape: features, weight: null, output: doubled },
  ],
};

const MODES = ["contiguous", "channels-last", "compile"];
/** Sums of many terms in float32, in two orders. */
const TOLERANCE = 2e-3;
const BUDGET_MS = 60_000;

type Run = (x: Tensor, weight: Tensor | null, bias: Tensor | null, others: readonly Tensor[]) => Tensor;

function functionOf({ op, shape }: Pass, { nn }: Api): Run {
  const { functional } = nn;
  switch (op) {
    case "groupNorm":
      return (x, weight, bias) => functional.groupNorm(x, 32, { weight, bias });
    case "instanceNorm":
      return (x, weight, bias) => functional.instanceNorm(x, { weight, bias });
    case "layerNorm":
      return (x, weight, bias) => functional.layerNorm(x, normalised(shape), { weight, bias });
    case "rmsNorm":
      return (x, weight) => functional.rmsNorm(x, normalised(shape), { weight, eps: 1e-6 });
    case "softmax":
      return (x) => x.softmax(-1);
    case "attention":
      return (x, _, __, [key, value]) => functional.scaledDotProductAttention(x, key, value);
    case "convTranspose2d":
      return (x, weight, bias) => functional.convTranspose2d(x, weight as Tensor, { bias, stride: 2 });
    case "bilinear":
      return (x) => functional.interpolate(x, { scaleFactor: 2, mode: "bilinear" });
    case "geluTanh":
      return (x) => functional.gelu(x, { approximate: "tanh" });
    default: {
      // Activations of one tensor refuse the parameters that layers take.
      const activation = nn.activations.get(op).make({});
      return (x) => activation(x);
    }
  }
}

/** Images are normalised over all axes but the batch, tokens over the last. */
const normalised = (shape: readonly number[]): readonly number[] => shape.slice(shape.length === 4 ? 1 : -1);

interface Entry {
  readonly name: string;
  readonly ms: number;
  readonly gigabytesPerSecond: number;
  /** Arithmetic of attention: two products of matrices forward, five backward. */
  readonly gflops?: number;
  readonly torchMs?: number | undefined;
  readonly torchMode?: string | undefined;
  readonly torchModes: Readonly<Record<string, ModeResult>>;
  readonly speedup?: number | undefined;
}

/** Benchmarks the rows of `bench`, one after the other; with `--quick` on a batch of 2. */
export async function passBench(bench: PassBench, options: BenchOptions): Promise<Report> {
  const api = await openOurs(options);
  const notes: string[] = bench === "attention" ? await memoryOfAttention(api) : [];
  const entries: Entry[] = [];
  let version = "";
  for (const row of ROWS[bench]) {
    const pass = options.quick ? small(row) : row;
    // A process for each row: peers keep the tensors of everything that they have set up.
    const crew = await startTorch(options, notes);
    version = crew?.version ?? version;
    entries.push(await measure(pass, api, crew, options, notes));
    crew?.close();
  }
  for (const name of options.peers) if (name !== "torch") notes.push(`${peerLabels[name]} takes no part in ${bench}`);
  return report(bench, entries, version, [...new Set(notes)], options);
}

/** The row on a batch of 2. */
function small(row: Pass): Pass {
  const two = (shape: readonly number[]) => [2, ...shape.slice(1)];
  return { ...row, shape: two(row.shape), ...(row.output && { output: two(row.output) }) };
}

async function startTorch({ peers }: BenchOptions, notes: string[]): Promise<Crew | undefined> {
  if (!peers.includes("torch")) return undefined;
  const [crew] = await Crew.start("torch-tuned", [{ program: torchProgram(TUNED), modes: MODES }], notes);
  return crew;
}

async function measure(
  pass: Pass,
  api: Api,
  crew: Crew | undefined,
  options: BenchOptions,
  notes: string[],
): Promise<Entry> {
  const { op, shape, weight, bias = weight, output = shape, operands = 1 } = pass;
  const { tensor, compile, grad } = api.fovea;
  const name = `${op} [${shape.join(", ")}]`;
  const run = functionOf(pass, api);
  const given = [tensor(uniform(shape, 1), { shape }), tensor(uniform(output, 2), { shape: output })];
  for (let i = 1; i < operands; i++) given.push(tensor(uniform(shape, 4 + i), { shape }));
  if (weight) given.push(tensor(uniform(weight, 3, 0.5, 1.5), { shape: weight }));
  if (bias) given.push(tensor(uniform(bias, 4), { shape: bias }));
  const step = compile((x: Tensor, gradient: Tensor, ...more: Tensor[]) => {
    const [others, parameters] = [more.slice(0, operands - 1), more.slice(operands - 1)];
    const y = run(x, parameters[0] ?? null, parameters[1] ?? null, others);
    return [y, ...grad(y, [x, ...more], { gradOutput: gradient })];
  });
  const call = () => step(given[0], given[1], ...given.slice(2));
  const first = await call();
  const magnitudes: number[] = [];
  for (const result of first) {
    magnitudes.push(meanMagnitude(await result.data()));
    result[Symbol.dispose]();
  }
  const work: Work = { kind: "pass", op, shape, weight, bias, output, operands };
  const lineup = await crew?.setUp(work, `${name} `, (values, who) => {
    for (const [i, magnitude] of magnitudes.entries()) {
      requireSame(`${name}, result ${i}, ${who}`, magnitude, values[i], TOLERANCE);
    }
  });
  const rivals = [...(lineup?.ready ?? [])].map(([mode, { contestant }]) => ({ mode, contestant }));
  const { medianMs, notes: seen } = await alternate(
    [ourContestant(name, call), ...rivals.map(({ contestant }) => contestant)],
    {
      rounds: options.quick ? 3 : 10,
      turnMs: 300,
      budgetMs: BUDGET_MS,
      peerCpuMs: () => crew?.cpuMs() ?? 0,
    },
  );
  notes.push(...seen.map((note) => `${name}: ${note}`));
  const times = rivals.flatMap(({ mode, contestant }) => {
    const ms = medianMs.get(contestant.name);
    return ms === undefined ? [] : [{ mode, ms }];
  });
  const best = times.length === 0 ? undefined : times.reduce((a, b) => (b.ms < a.ms ? b : a));
  const ms = medianMs.get(name) ?? Number.NaN;
  return {
    name,
    ms: round(ms),
    gigabytesPerSecond: round((4 * (3 * given[0].size + 2 * given[1].size)) / ms / 1e6),
    ...(op === "attention" ? { gflops: round((7 * 2 * given[0].size * shape[2]) / ms / 1e6) } : {}),
    torchMs: best && round(best.ms),
    torchMode: best?.mode,
    torchModes: {
      ...lineup?.failed,
      ...Object.fromEntries(times.map((one) => [one.mode, { medianMs: round(one.ms) }])),
    },
    speedup: best && round(best.ms / ms),
  };
}

function report(
  bench: PassBench,
  entries: readonly Entry[],
  version: string,
  notes: readonly string[],
  { device }: BenchOptions,
): Report {
  const headings = ["", "ms", bench === "attention" ? "GFLOP/s" : "GB/s", "PyTorch ms", "mode", "speedup"];
  const rows = entries.map(({ name, ms, gigabytesPerSecond, gflops, torchMs, torchMode, speedup }) => {
    const theirs =
      torchMs === undefined ? ["", "", ""] : [torchMs.toFixed(1), torchMode ?? "", `${speedup?.toFixed(2)}`];
    return [name, ms.toFixed(1), (gflops ?? gigabytesPerSecond).toFixed(1), ...theirs];
  });
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const ourMs = sum(entries.map(({ ms }) => ms));
  const theirs = entries.flatMap(({ torchMs }) => torchMs ?? []);
  const complete = theirs.length === entries.length;
  const torch: PeerResult = { version, mode: "best per row", medianMs: round(sum(theirs)), modes: {} };
  return {
    bench,
    ours: { medianMs: round(ourMs) },
    peers: complete ? { torch } : {},
    speedup: complete ? { torch: round(sum(theirs) / ourMs) } : {},
    table: [headings, ...rows],
    details: { rows: entries },
    notes: [
      bench === "attention"
        ? `GFLOP/s on ${device} counts two products of matrices forward and five backward`
        : `GB/s on ${device} counts three passes over x and two over y; more are traffic that a better schedule avoids`,
      ...notes,
    ],
  };
}

/** Bytes of all buffers at most, forward and backward, at lengths whose scores alone would need 16 times as many. */
async function memoryOfAttention({ fovea, nn }: Api): Promise<string[]> {
  const notes: string[] = [];
  for (const length of [1024, 4096]) {
    const shape = [1, 6, length, 64];
    const given = [1, 2, 3, 4].map((stream) => fovea.tensor(uniform(shape, stream), { shape }));
    const step = fovea.compile((q: Tensor, k: Tensor, v: Tensor, gradOutput: Tensor) => {
      const y = nn.functional.scaledDotProductAttention(q, k, v);
      return [y, ...fovea.grad(y, [q, k, v], { gradOutput })];
    });
    const results = await step(given[0], given[1], given[2], given[3]);
    const peak = Math.round(fovea.memoryStats().peakBytes / 1e6);
    const scores = Math.round((6 * length * length * 4) / 1e6);
    notes.push(`peak of all buffers at [${shape.join(", ")}]: ${peak} MB; a matrix of scores would have ${scores} MB`);
    for (const each of [...given, ...results]) each[Symbol.dispose]();
  }
  return notes;
}
