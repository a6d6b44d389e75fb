/**
 * `optim`: one AdamW step with given gradients, over the parameters of ResNet-50 and over ten million in one tensor, as
 * one compiled program. Its time is that of passes over memory: parameter, gradient and two running means are read,
 * parameter and means are written. Beside the peers runs a stream, `y ← y/2 + x`, larger than every cache: its bandwidth
 * is what the share is of.
 */
import type { Tensor } from "../../src/tensor/index.js";
import { Crew, TUNED, torchProgram } from "../crews.js";
import { meanMagnitude } from "../magnitude.js";
import type { Api } from "../models.js";
import { type BenchOptions, openOurs, ourContestant, requireSame } from "../ours.js";
import { uniform } from "../pattern.js";
import { type ModeResult, type PeerResult, peerLabels, type Report, round } from "../report.js";
import { alternate } from "../rounds.js";
import type { Work } from "../work.js";

/** Passes over the parameters that cannot be avoided, and those of the stream over its array. */
const [PASSES, STREAM_PASSES] = [7, 3];
const STREAM_FLOATS = 32 << 20;
/** Its compiler needs minutes for the parameters of ResNet-50, so that `--quick` leaves it out. */
const MODES = ["fused", "foreach", "compile"];
const TOLERANCE = 1e-5;
const BUDGET_MS = 60_000;
const STREAM = "stream";

interface Row {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
}

interface Entry {
  readonly name: string;
  readonly parameters: number;
  readonly ms: number;
  readonly gigabytesPerSecond: number;
  readonly streamGigabytesPerSecond: number;
  readonly shareOfBandwidth: number;
  readonly torchMs?: number | undefined;
  readonly torchMode?: string | undefined;
  readonly torchModes: Readonly<Record<string, ModeResult>>;
  readonly speedup?: number | undefined;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Benchmarks both rows, one after the other. */
export async function optimBench(options: BenchOptions): Promise<Report> {
  const api = await openOurs(options);
  const resnet = api.vision.createModel("resnet50", { classes: 1000, inChannels: 3, size: 224 });
  const rows: readonly Row[] = [
    { name: "ResNet-50", shapes: resnet.parameters().map(({ shape }) => shape) },
    { name: "one tensor", shapes: [[10_000_000]] },
  ];
  const notes: string[] = [];
  const entries: Entry[] = [];
  let version = "";
  for (const row of rows) {
    // A process for each row: peers keep the tensors of everything that they have set up.
    const crew = await startTorch(options, notes);
    version = crew?.version ?? version;
    entries.push(await measure(row, api, crew, options, notes));
    crew?.close();
  }
  for (const name of options.peers) if (name !== "torch") notes.push(`${peerLabels[name]} takes no part in optim`);
  return report(entries, version, [...new Set(notes)], options);
}

async function startTorch({ peers, quick }: BenchOptions, notes: string[]): Promise<Crew | undefined> {
  if (!peers.includes("torch")) return undefined;
  const modes = quick ? MODES.filter((mode) => mode !== "compile") : MODES;
  const [crew] = await Crew.start("torch-tuned", [{ program: torchProgram(TUNED), modes }], notes);
  return crew;
}

/** The step as a compiled call, and the numbers to compare after the first one. */
function makeStep({ shapes }: Row, { fovea, optim }: Api) {
  const { compile, Parameter, tensor } = fovea;
  const parameters = shapes.map((shape) => new Parameter(tensor(uniform(shape, 1), { shape })));
  const gradients = shapes.map((shape) => tensor(uniform(shape, 2), { shape }));
  const optimizer = new optim.AdamW(parameters, { lr: 1e-3, weightDecay: 0.01 });
  const step = compile((given: readonly Tensor[]): readonly Tensor[] => {
    for (const [i, parameter] of parameters.entries()) parameter.grad = given[i];
    optimizer.step();
    return [];
  });
  const checks = async () => {
    const state = optimizer.stateDict();
    const cells = [parameters[0], state["state.0.exp_avg"], state["state.0.exp_avg_sq"]];
    return Promise.all(cells.map(async (cell) => meanMagnitude(await cell.data())));
  };
  return { call: () => step(gradients), checks };
}

/** A stream as a compiled call. */
function makeStream({ fovea }: Api) {
  const { compile, ones, Variable, zeros } = fovea;
  const [x, y] = [new Variable(ones([STREAM_FLOATS])), new Variable(zeros([STREAM_FLOATS]))];
  return compile((): readonly Tensor[] => {
    y.assign(y.mul(0.5).add(x));
    return [];
  });
}

async function measure(row: Row, api: Api, crew: Crew | undefined, options: BenchOptions, notes: string[]) {
  const { name, shapes } = row;
  const { call, checks } = makeStep(row, api);
  await call();
  const expected = await checks();
  const stream = makeStream(api);
  const work: Work = { kind: "optim", shapes };
  const lineup = await crew?.setUp(work, `${name} `, (values, who) => {
    for (const [i, value] of expected.entries()) {
      requireSame(`${name}, result ${i}, ${who}`, value, values[i], TOLERANCE);
    }
  });
  const rivals = [...(lineup?.ready ?? [])].map(([mode, { contestant }]) => ({ mode, contestant }));
  const { medianMs, notes: seen } = await alternate(
    [ourContestant(name, call), ourContestant(STREAM, stream), ...rivals.map(({ contestant }) => contestant)],
    {
      rounds: options.quick ? 3 : 12,
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
  const [ms, streamMs] = [name, STREAM].map((each) => medianMs.get(each) ?? Number.NaN);
  const parameters = sum(shapes.map(sizeOf));
  const rate = (PASSES * 4 * parameters) / ms / 1e6;
  const streamRate = (STREAM_PASSES * 4 * STREAM_FLOATS) / streamMs / 1e6;
  const modes = times.map((one) => [one.mode, { medianMs: round(one.ms) }] as const);
  return {
    name,
    parameters,
    ms: round(ms),
    gigabytesPerSecond: round(rate),
    streamGigabytesPerSecond: round(streamRate),
    shareOfBandwidth: round(rate / streamRate, 3),
    torchMs: best && round(best.ms),
    torchMode: best?.mode,
    torchModes: { ...lineup?.failed, ...Object.fromEntries(modes) },
    speedup: best && round(best.ms / ms),
  };
}

function report(
  entries: readonly Entry[],
  version: string,
  notes: readonly string[],
  { device }: BenchOptions,
): Report {
  const headings = ["", "ms", "GB/s", "of bandwidth", "PyTorch ms", "mode", "speedup"];
  const rows = entries.map(({ name, parameters, ms, gigabytesPerSecond, shareOfBandwidth, ...theirs }) => {
    const { torchMs, torchMode = "", speedup } = theirs;
    const peer = torchMs === undefined ? ["", "", ""] : [torchMs.toFixed(1), torchMode, `${speedup?.toFixed(2)}`];
    const share = `${(100 * shareOfBandwidth).toFixed(0)} %`;
    const label = `${name}, ${(parameters / 1e6).toFixed(1)} M`;
    return [label, ms.toFixed(1), gigabytesPerSecond.toFixed(1), share, ...peer];
  });
  const ourMs = sum(entries.map(({ ms }) => ms));
  const theirs = entries.flatMap(({ torchMs }) => torchMs ?? []);
  const complete = theirs.length === entries.length;
  const torch: PeerResult = { version, mode: "best per row", medianMs: round(sum(theirs)), modes: {} };
  return {
    bench: "optim",
    ours: { medianMs: round(ourMs) },
    peers: complete ? { torch } : {},
    speedup: complete ? { torch: round(sum(theirs) / ourMs) } : {},
    table: [headings, ...rows],
    details: { rows: entries },
    notes: [
      `GB/s on ${device} counts ${PASSES} passes over the parameters, the share is of a stream of ${STREAM_PASSES}`,
      ...notes,
    ],
  };
}
