/**
 * What `conv` and `matmul` share: each kernel is timed inside a compiled program, compared with the peak of the machine
 * and with the peers. It knows nothing of which operations they are.
 *
 * A compiled call takes and gives plain tensors, so a single operation pays for layout changes at both ends and for the
 * way through JavaScript, which an operation inside a training step does not. Therefore every kernel runs as programs of
 * few operations and of TIMES as many, call by call in turn; what each further operation adds is the kernel's time, and
 * the time of a program of a single one is reported beside it. Before each call of the two, caches are emptied, and both
 * leave nothing of what was in them: otherwise the longer program would find less of what JavaScript needs, before it or
 * after it, and the difference would count as the kernel's. Turns are short and many, and the peak is measured around
 * each: what a shared machine does meanwhile falls on both, and both figures are medians. PyTorch allocates every
 * result; its allocator is tuned, so that page faults do not count against it. Peers that hand work to threads and wait
 * share one wait among several operations.
 */

import type { Tensor } from "../../src/tensor/index.js";
import { Crew, nodeMembers, TUNED, torchProgram } from "../crews.js";
import { meanMagnitude } from "../magnitude.js";
import { Marginal } from "../marginal.js";
import type { Api } from "../models.js";
import { type BenchOptions, ourContestant, requireSame } from "../ours.js";
import type { Peak } from "../peak.js";
import { PlainNode } from "../plain.js";
import { median, type PeerName, type PeerResult, peerLabels, type Report, round } from "../report.js";
import { alternate, type Contestant, type RoundResult } from "../rounds.js";
import type { Work } from "../work.js";

/** Operations in the shorter program at least, and how many times as many are in the longer one. */
export const FEW = 4;
export const TIMES = 3;
/** More than any cache holds. */
export const SWEPT_FLOATS = 16 << 20;
/** Many short turns: a shared machine changes its mind within a second. */
const TURN_MS = 100;
const ROUNDS = 12;
const QUICK_ROUNDS = 3;
const GROUP_MS = 120_000;
/** Mean magnitudes of long sums of random terms, in two orders of adding. */
const RESULT_TOLERANCE = 1e-3;

/** One operation, with the same work for the peer. */
export interface Kernel {
  readonly name: string;
  /** Multiplications and additions of one operation. */
  readonly flop: number;
  readonly work: Work;
  /** Operations in the shorter program: {@link FEW}, or as many as it takes to leave nothing in caches. */
  readonly few: number;
  /** A program of `repeats` operations that cannot be merged. */
  readonly program: (repeats: number) => () => Promise<Tensor | readonly Tensor[]>;
}

/** Kernels that are measured alternately, between measurements of the peak. */
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
  /** The other peers. */
  readonly peers?: Readonly<Record<string, PeerEntry>>;
  /** The best peer's time divided by ours. */
  readonly timesBestPeer?: number;
}

interface PeerEntry {
  readonly gflops: number;
  readonly ms: number;
  readonly mode: string;
  /** GFLOP/s of every mode. */
  readonly modes: Readonly<Record<string, number>>;
}

/** A peer's mode on one kernel. */
interface Rival {
  readonly peer: PeerName;
  readonly mode: string;
  readonly contestant: Contestant;
}

/** Benchmarks all groups in turn; `modes` are PyTorch's. */
export async function kernelBench(
  bench: string,
  { fovea }: Api,
  groups: readonly Group[],
  modes: readonly string[],
  peak: Peak,
  options: BenchOptions,
): Promise<Report> {
  // Read, not written: lines that wait to be written back would be charged to whoever needs their place.
  const swept = fovea.tensor(new Float32Array(SWEPT_FLOATS).fill(1));
  const sum = fovea.compile((values: Tensor) => values.sum());
  const sweep = async () => (await sum(swept))[Symbol.dispose]();
  const entries: Entry[] = [];
  const notes: string[] = [];
  const node = await PlainNode.create();
  const crews = await startCrews(bench, modes, options, node, notes);
  for (const group of groups) {
    const { result, added, rivals } = await measure(group, crews, options, sweep, peak, notes);
    notes.push(...result.notes.map((note) => `${group[0].name}: ${note}`));
    for (const kernel of group) entries.push(describe(kernel, result, added.get(kernel)!, rivals.get(kernel) ?? []));
  }
  const versions = new Map(crews.map(({ peer, crew }) => [peer, crew.version]));
  for (const { crew } of crews) crew.close();
  node.close();
  const impossible = entries.filter(({ shareOfPeak }) => shareOfPeak > 1).map(({ name }) => name);
  if (impossible.length > 0) notes.push(`above the peak, so the machine was not quiet: ${impossible.join(", ")}`);
  return report(bench, entries, versions, [`the peak is that of ${peak.name}`, ...notes], options);
}

interface Opponent {
  readonly peer: PeerName;
  readonly crew: Crew;
}

async function startCrews(
  bench: string,
  modes: readonly string[],
  { peers }: BenchOptions,
  node: PlainNode,
  notes: string[],
): Promise<Opponent[]> {
  const crews: Opponent[] = [];
  for (const peer of peers) {
    if (peer === "torch") {
      const started = await Crew.start("torch-tuned", [{ program: torchProgram(TUNED), modes }], notes);
      crews.push(...started.map((crew) => ({ peer, crew })));
    } else if (bench === "matmul" && peer !== "onnxruntime") {
      const started = await Crew.start(peer, nodeMembers(peer, node), notes);
      crews.push(...started.map((crew) => ({ peer, crew })));
    } else notes.push(`${peerLabels[peer]} takes no part in ${bench}`);
  }
  return crews;
}

const callName = ({ name }: Kernel) => `${name}, one call`;

interface Measured {
  readonly result: RoundResult;
  readonly added: ReadonlyMap<Kernel, Marginal>;
  readonly rivals: ReadonlyMap<Kernel, readonly Rival[]>;
}

async function measure(
  group: Group,
  crews: readonly Opponent[],
  options: BenchOptions,
  sweep: () => Promise<void>,
  peak: Peak,
  notes: string[],
): Promise<Measured> {
  const contestants: Contestant[] = [];
  const added = new Map<Kernel, Marginal>();
  const rivals = new Map<Kernel, Rival[]>();
  for (const kernel of group) {
    const once = kernel.program(1);
    contestants.push(ourContestant(callName(kernel), once));
    const [shorter, longer] = [kernel.few, TIMES * kernel.few].map((repeats) =>
      ourContestant(kernel.name, kernel.program(repeats), sweep),
    );
    const one = new Marginal(kernel.name, shorter, longer, (TIMES - 1) * kernel.few, peak);
    added.set(kernel, one);
    contestants.push(one);
    const own: Rival[] = [];
    const magnitude = await magnitudeOf(await once());
    for (const { peer, crew } of crews) {
      const { ready, failed } = await crew.setUp(kernel.work, `${kernel.name} `, ([check], who) =>
        requireSame(`${kernel.name}, ${who}`, magnitude, check, RESULT_TOLERANCE),
      );
      for (const [mode, { error }] of Object.entries(failed)) {
        notes.push(`${kernel.name}: ${crew.label}, ${mode}, cannot do this: ${error}`);
      }
      for (const [mode, { contestant }] of ready) own.push({ peer, mode, contestant });
    }
    rivals.set(kernel, own);
    contestants.push(...own.map(({ contestant }) => contestant));
  }
  const peerCpuMs = () => crews.reduce((sum, { crew }) => sum + crew.cpuMs(), 0);
  const result = await alternate(contestants, {
    rounds: options.quick ? QUICK_ROUNDS : ROUNDS,
    budgetMs: GROUP_MS,
    turnMs: TURN_MS,
    peerCpuMs,
    beforeTurn: async (contestant) => {
      if (contestant instanceof Marginal) await contestant.begin();
    },
    afterTurn: async (contestant) => {
      if (contestant instanceof Marginal) await contestant.end();
    },
  });
  return { result, added, rivals };
}

async function magnitudeOf(result: Tensor | readonly Tensor[]): Promise<number> {
  return meanMagnitude(await ("data" in result ? result : result[0]).data());
}

function describe(kernel: Kernel, { medianMs }: RoundResult, added: Marginal, invited: readonly Rival[]): Entry {
  // Peers that failed in the rounds have no times.
  const rivals = invited.flatMap((rival) => {
    const ms = medianMs.get(rival.contestant.name);
    return ms === undefined ? [] : [{ ...rival, ms }];
  });
  const callMs = medianMs.get(callName(kernel))!;
  const { ms, peakGflops } = added;
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
  const { torch, ...peers } = Object.fromEntries(
    [...new Set(rivals.map(({ peer }) => peer))].map((peer): [string, PeerEntry] => {
      const theirs = rivals.filter((rival) => rival.peer === peer);
      const best = theirs.reduce((a, b) => (b.ms < a.ms ? b : a));
      const modes = Object.fromEntries(theirs.map(({ mode, ms }) => [mode, round(gflopsOf(ms))]));
      return [peer, { gflops: round(gflopsOf(best.ms)), ms: round(best.ms), mode: best.mode, modes }];
    }),
  ) as Partial<Record<PeerName, PeerEntry>>;
  const bestMs = Math.min(...rivals.map((rival) => rival.ms));
  return {
    ...entry,
    ...(torch && { torchGflops: torch.gflops, torchMs: torch.ms, torchMode: torch.mode, torchModes: torch.modes }),
    ...(Object.keys(peers).length > 0 && { peers }),
    ...(rivals.length > 0 && { timesBestPeer: round(bestMs / ms) }),
  };
}

/** A peer's figures on one kernel, wherever they stand. */
function of(entry: Entry, peer: PeerName): Pick<PeerEntry, "gflops" | "ms" | "mode"> | undefined {
  if (peer !== "torch") return entry.peers?.[peer];
  const { torchGflops, torchMs, torchMode } = entry;
  if (torchGflops === undefined || torchMs === undefined || torchMode === undefined) return undefined;
  return { gflops: torchGflops, ms: torchMs, mode: torchMode };
}

function report(
  bench: string,
  shapes: readonly Entry[],
  versions: ReadonlyMap<PeerName, string>,
  notes: readonly string[],
  { device }: BenchOptions,
): Report {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const present = [...versions.keys()];
  const table = [["", "GFLOP/s", "of peak", "one call", ...present.map((peer) => peerLabels[peer])]];
  for (const shape of shapes) {
    const theirs = present.map((peer) => {
      const figures = of(shape, peer);
      return figures ? `${figures.gflops.toFixed(0)} ${figures.mode}` : "";
    });
    const { name, gflops, shareOfPeak, callGflops } = shape;
    table.push([name, gflops.toFixed(0), `${(100 * shareOfPeak).toFixed(0)} %`, callGflops.toFixed(0), ...theirs]);
  }
  const ourMs = sum(shapes.map(({ ms }) => ms));
  const explanation =
    `GFLOP/s is what each further operation adds to a compiled program on ${device}; ` +
    "one call includes layout changes at both ends and JavaScript";
  const details = {
    peakGflops: Math.max(...shapes.map(({ peakGflops }) => peakGflops)),
    minShareOfPeak: Math.min(...shapes.map(({ shareOfPeak }) => shareOfPeak)),
    medianShareOfPeak: round(median(shapes.map(({ shareOfPeak }) => shareOfPeak)), 3),
    shapes,
  };
  const peers: Partial<Record<PeerName, PeerResult>> = {};
  const speedup: Partial<Record<PeerName, number>> = {};
  for (const [peer, version] of versions) {
    const times = shapes.flatMap((shape) => of(shape, peer)?.ms ?? []);
    if (times.length < shapes.length) continue; // a sum over some of the shapes would compare with nothing
    peers[peer] = { version, mode: "best per shape", medianMs: round(sum(times)), modes: {} };
    speedup[peer] = round(sum(times) / ourMs);
  }
  const ours = { medianMs: round(ourMs) };
  return { bench, ours, peers, speedup, table, details, notes: [explanation, ...notes] };
}
