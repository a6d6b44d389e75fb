/**
 * What `conv` and `matmul` share: each kernel is timed inside a compiled program, compared with the peak of the machine
 * and with PyTorch. It knows nothing of which operations they are.
 *
 * A compiled call takes and gives plain tensors, so a single operation pays for layout changes at both ends and for the
 * way through JavaScript, which an operation inside a training step does not. Therefore every kernel runs as programs of
 * 1 and of REPEATS operations; what each further operation adds is the kernel's time (the median over the rounds), and
 * the single call's time is reported beside it. PyTorch allocates every result; its allocator is tuned, so that page
 * faults do not count against it.
 */

import type { Tensor } from "../../src/tensor/index.js";
import { type BenchOptions, ourContestant, requireSame } from "../ours.js";
import type { Peak } from "../peak.js";
import { TorchPeer, TUNED, type Work } from "../peers.js";
import { median, type Report, round } from "../report.js";
import { alternate, type Contestant, type RoundResult } from "../rounds.js";

/** Operations in the longer program. */
const REPEATS = 8;
/** Mean magnitudes of long sums of random terms, in two orders of adding. */
const RESULT_TOLERANCE = 1e-3;

/** One operation, with the same work for the peer. */
export interface Kernel {
  readonly name: string;
  /** Multiplications and additions of one operation. */
  readonly flop: number;
  readonly work: Work;
  /** A program of `repeats` operations that cannot be merged. */
  readonly program: (repeats: number) => () => Promise<Tensor | readonly Tensor[]>;
  /** An operation of the same group that each repetition also contains, so that its time is taken off. */
  readonly carries?: Kernel;
}

/** Kernels that are measured alternately, between two measurements of the peak. */
export type Group = readonly Kernel[];

interface Entry {
  readonly name: string;
  readonly gflops: number;
  readonly shareOfPeak: number;
  readonly peakGflops: number;
  readonly ms: number;
  readonly callMs: number;
  readonly callGflops: number;
  readonly torchGflops?: number;
  readonly torchMs?: number;
  readonly torchMode?: string;
  readonly torchModes?: Readonly<Record<string, number>>;
}

/** Benchmarks all groups in turn. */
export async function kernelBench(
  bench: string,
  groups: readonly Group[],
  modes: readonly string[],
  peak: Peak,
  options: BenchOptions,
): Promise<Report> {
  const entries: Entry[] = [];
  const started = await TorchPeer.start(TUNED);
  const notes = typeof started === "string" ? [started] : [];
  const peer = typeof started === "string" ? undefined : started;
  for (const group of groups) {
    let peakGflops = 0;
    const measurePeak = () => {
      peakGflops = Math.max(peakGflops, peak.measure());
    };
    const result = await measure(group, modes, peer, options, measurePeak);
    measurePeak();
    notes.push(...result.notes.map((note) => `${group[0].name}: ${note}`));
    for (const kernel of group) entries.push(describe(kernel, modes, result, peakGflops));
  }
  peer?.close();
  const impossible = entries.filter(({ shareOfPeak }) => shareOfPeak > 1).map(({ name }) => name);
  if (impossible.length > 0) notes.push(`above the peak, so the machine was not quiet: ${impossible.join(", ")}`);
  return report(bench, entries, peer?.version, notes, options);
}

const single = (kernel: Kernel) => `${kernel.name} once`;
const repeated = (kernel: Kernel) => `${kernel.name} repeated`;
const inMode = (kernel: Kernel, mode: string) => `${kernel.name} PyTorch ${mode}`;

async function measure(
  group: Group,
  modes: readonly string[],
  peer: TorchPeer | undefined,
  options: BenchOptions,
  eachRound: () => void,
): Promise<RoundResult> {
  const contestants: Contestant[] = [];
  for (const kernel of group) {
    const once = kernel.program(1);
    contestants.push(ourContestant(single(kernel), once), ourContestant(repeated(kernel), kernel.program(REPEATS)));
    if (!peer) continue;
    const magnitude = await meanMagnitude(await once());
    const { ready, failed } = await peer.setupAll(kernel.work, modes, (check, mode) =>
      requireSame(`${kernel.name}, ${mode}`, magnitude, check, RESULT_TOLERANCE),
    );
    for (const [mode, { error }] of Object.entries(failed))
      throw new Error(`PyTorch, ${kernel.name}, ${mode}: ${error}`);
    for (const [mode, prepared] of ready) contestants.push(peer.contestant(inMode(kernel, mode), prepared));
  }
  const peerCpuMs = peer && (() => peer.cpuMs());
  return alternate(contestants, { rounds: options.quick ? 3 : 7, turnMs: 120, peerCpuMs, eachRound });
}

async function meanMagnitude(result: Tensor | readonly Tensor[]): Promise<number> {
  let sum = 0;
  const values = await ("data" in result ? result : result[0]).data();
  for (const value of values) sum += Math.abs(value);
  return sum / values.length;
}

/** What one more operation adds to a program, in each round; another operation that comes with it is taken off. */
function addedMs(kernel: Kernel, { roundMs }: Pick<RoundResult, "roundMs">): number[] {
  const once = roundMs.get(single(kernel))!;
  const carried = kernel.carries ? addedMs(kernel.carries, { roundMs }) : undefined;
  return roundMs
    .get(repeated(kernel))!
    .map((ms, round) => (ms - once[round]) / (REPEATS - 1) - (carried ? carried[round] : 0));
}

function describe(kernel: Kernel, modes: readonly string[], result: RoundResult, peakGflops: number): Entry {
  const { medianMs } = result;
  const callMs = medianMs.get(single(kernel))!;
  const ms = median(addedMs(kernel, result));
  const gflopsOf = (milliseconds: number) => kernel.flop / milliseconds / 1e6;
  const entry = {
    name: kernel.name,
    gflops: round(gflopsOf(ms)),
    shareOfPeak: round(gflopsOf(ms) / peakGflops, 3),
    peakGflops: round(peakGflops),
    ms: round(ms),
    callMs: round(callMs),
    callGflops: round(gflopsOf(callMs)),
  };
  const theirs = modes.flatMap((mode) => {
    const time = medianMs.get(inMode(kernel, mode));
    return time === undefined ? [] : [{ mode, ms: time }];
  });
  if (theirs.length === 0) return entry;
  const best = theirs.reduce((a, b) => (b.ms < a.ms ? b : a));
  return {
    ...entry,
    torchGflops: round(gflopsOf(best.ms)),
    torchMs: round(best.ms),
    torchMode: best.mode,
    torchModes: Object.fromEntries(theirs.map(({ mode, ms }) => [mode, round(gflopsOf(ms))])),
  };
}

function report(
  bench: string,
  shapes: readonly Entry[],
  version: string | undefined,
  notes: readonly string[],
  { device }: BenchOptions,
): Report {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const table = [["", "GFLOP/s", "of peak", "one call", "PyTorch"]];
  for (const { name, gflops, shareOfPeak, callGflops, torchGflops, torchMode } of shapes) {
    const torch = torchGflops === undefined ? "" : `${torchGflops.toFixed(0)} ${torchMode}`;
    table.push([name, gflops.toFixed(0), `${(100 * shareOfPeak).toFixed(0)} %`, callGflops.toFixed(0), torch]);
  }
  const ourMs = sum(shapes.map(({ ms }) => ms));
  const explanation =
    `GFLOP/s is what one more operation adds to a compiled program on ${device} (${REPEATS} against 1); ` +
    "one call includes layout changes at both ends and JavaScript";
  const details = {
    peakGflops: Math.max(...shapes.map(({ peakGflops }) => peakGflops)),
    minShareOfPeak: Math.min(...shapes.map(({ shareOfPeak }) => shareOfPeak)),
    medianShareOfPeak: round(median(shapes.map(({ shareOfPeak }) => shareOfPeak)), 3),
    shapes,
  };
  const common = { bench, ours: { medianMs: round(ourMs) }, table, details, notes: [explanation, ...notes] };
  if (version === undefined) return { ...common, peers: {}, speedup: {} };
  const torchMs = sum(shapes.map(({ torchMs }) => torchMs ?? 0));
  const torch = { version, mode: "best per shape", medianMs: round(torchMs), modes: {} };
  return { ...common, peers: { torch }, speedup: { torch: round(torchMs / ourMs) } };
}
