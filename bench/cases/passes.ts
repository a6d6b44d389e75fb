/**
 * `norm` and `activations`: single layers whose time is that of passes over memory, forward and backward as one compiled
 * program. It gets x and the output's gradient and gives the output and the gradients of x and of the parameters. The
 * rate is that of the traffic that cannot be avoided, five passes over x: x in and y out, then x and dy in and dx out.
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
  /** Shape of weight and bias; null without. */
  readonly weight: readonly number[] | null;
}

const images = [64, 256, 56, 56] as const;
const tokens = [64, 197, 1536] as const;

const ROWS: Readonly<Record<"norm" | "activations", readonly Pass[]>> = {
  norm: [
    { op: "groupNorm", shape: images, weight: [256] },
    { op: "layerNorm", shape: images, weight: [256, 56, 56] },
    { op: "instanceNorm", shape: images, weight: [256] },
    { op: "layerNorm", shape: tokens, weight: [1536] },
    { op: "rmsNorm", shape: tokens, weight: [1536] },
  ],
  activations: (["gelu", "geluTanh", "silu", "mish", "elu", "hardswish", "softplus"] as const).map((op) => {
    return { op, shape: tokens, weight: null };
  }),
};

const PASSES = 5;
const MODES = ["contiguous", "channels-last", "compile"];
/** Sums of many terms in float32, in two orders. */
const TOLERANCE = 2e-3;
const BUDGET_MS = 60_000;

type Run = (x: Tensor, weight: Tensor | null, bias: Tensor | null) => Tensor;

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
    case "geluTanh":
      return (x) => functional.gelu(x, { approximate: "tanh" });
    default:
      return nn.activations.get(op).make({});
  }
}

/** Images are normalised over all axes but the batch, tokens over the last. */
const normalised = (shape: readonly number[]): readonly number[] => shape.slice(shape.length === 4 ? 1 : -1);

interface Entry {
  readonly name: string;
  readonly ms: number;
  readonly gigabytesPerSecond: number;
  readonly torchMs?: number | undefined;
  readonly torchMode?: string | undefined;
  readonly torchModes: Readonly<Record<string, ModeResult>>;
  readonly speedup?: number | undefined;
}

/** Benchmarks the rows of `bench`, one after the other; with `--quick` on a batch of 2. */
export async function passBench(bench: "norm" | "activations", options: BenchOptions): Promise<Report> {
  const api = await openOurs(options);
  const notes: string[] = [];
  const entries: Entry[] = [];
  let version = "";
  for (const row of ROWS[bench]) {
    const pass = options.quick ? { ...row, shape: [2, ...row.shape.slice(1)] } : row;
    // A process for each row: peers keep the tensors of everything that they have set up.
    const crew = await startTorch(options, notes);
    version = crew?.version ?? version;
    entries.push(await measure(pass, api, crew, options, notes));
    crew?.close();
  }
  for (const name of options.peers) if (name !== "torch") notes.push(`${peerLabels[name]} takes no part in ${bench}`);
  return report(bench, entries, version, [...new Set(notes)], options);
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
  const { op, shape, weight } = pass;
  const { tensor, compile, grad } = api.fovea;
  const name = `${op} [${shape.join(", ")}]`;
  const run = functionOf(pass, api);
  const given = [tensor(uniform(shape, 1), { shape }), tensor(uniform(shape, 2), { shape })];
  if (weight) given.push(tensor(uniform(weight, 3, 0.5, 1.5), { shape: weight }));
  if (weight && op !== "rmsNorm") given.push(tensor(uniform(weight, 4), { shape: weight }));
  const step = compile((x: Tensor, gradient: Tensor, ...parameters: Tensor[]) => {
    const y = run(x, parameters[0] ?? null, parameters[1] ?? null);
    return [y, ...grad(y.mul(gradient).sum(), [x, ...parameters])];
  });
  const call = () => step(given[0], given[1], ...given.slice(2));
  const first = await call();
  const magnitudes: number[] = [];
  for (const result of first) {
    magnitudes.push(meanMagnitude(await result.data()));
    result[Symbol.dispose]();
  }
  const work: Work = { kind: "pass", op, shape, weight };
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
    gigabytesPerSecond: round((PASSES * 4 * given[0].size) / ms / 1e6),
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
  bench: string,
  entries: readonly Entry[],
  version: string,
  notes: readonly string[],
  { device }: BenchOptions,
): Report {
  const headings = ["", "ms", "GB/s", "PyTorch ms", "mode", "speedup"];
  const rows = entries.map(({ name, ms, gigabytesPerSecond, torchMs, torchMode, speedup }) => {
    const theirs =
      torchMs === undefined ? ["", "", ""] : [torchMs.toFixed(1), torchMode ?? "", `${speedup?.toFixed(2)}`];
    return [name, ms.toFixed(1), gigabytesPerSecond.toFixed(1), ...theirs];
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
      `GB/s on ${device} counts ${PASSES} passes over x; more are traffic that a better schedule avoids`,
      ...notes,
    ],
  };
}
