/**
 * What the steps and `resnet18-infer` share: one compiled call, side by side with every way in which a peer does the same
 * work, with the rate of arithmetic beside the machine's peak. It knows nothing of which work it is.
 */
import {
  Crew,
  type CrewName,
  type Lineup,
  type Member,
  nodeMembers,
  onnxMember,
  TUNED,
  torchProgram,
} from "../crews.js";
import type { Job } from "../models.js";
import { type BenchOptions, ourContestant, requireSame } from "../ours.js";
import { openPeak } from "../peak.js";
import type { Checked } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, type PeerName, type PeerResult, type Report, round } from "../report.js";
import { alternate, type RoundResult } from "../rounds.js";
import type { Work } from "../work.js";

const OURS = "fovea";
/** After the peers have compiled, the rounds end within so long; repetitions of seconds still have several rounds. */
const BUDGET_MS = 120_000;
const SLOW_MS = 15_000;

/** What is compared. */
export interface Contest {
  readonly bench: string;
  readonly work: Work & { readonly batch: number };
  readonly job: Job;
  /** What the numbers of `Job.checks` are, and how far the sides may differ, as a share. */
  readonly checks: readonly { readonly what: string; readonly tolerance: number }[];
  /** PyTorch's modes. Those without its compiler are also measured in the tuned environment, reported apart. */
  readonly modes: readonly string[];
}

type Results = Pick<RoundResult, "medianMs" | "fewSteps" | "notes">;

/** What one crew brings to the report. */
interface Summary {
  readonly name: CrewName;
  readonly version: string;
  readonly modes: Readonly<Record<string, ModeResult>>;
  readonly rows: readonly string[][];
  readonly notes: readonly string[];
  readonly best: { readonly mode: string; readonly ms: number } | undefined;
}

/** Benchmarks `contest.job` against all peers that take part. */
export async function sideBySide(contest: Contest, options: BenchOptions): Promise<Report> {
  const { work, job } = contest;
  const begin = performance.now();
  await job.call();
  const firstMs = performance.now() - begin;
  const ourChecks = await job.checks();

  const node = await PlainNode.create();
  const missing: string[] = [];
  const crews: Crew[] = [];
  for (const [name, members] of membersOf(contest, options, node))
    crews.push(...(await Crew.start(name, members, missing)));
  const checked: Checked = (values, who) => {
    for (const [i, { what, tolerance }] of contest.checks.entries()) {
      if (i >= values.length) throw new Error(`${who} does not say what it has computed`);
      requireSame(`${what}, ${who}`, ourChecks[i], values[i], tolerance);
    }
  };
  const lineups: [Crew, Lineup][] = [];
  for (const crew of crews) lineups.push([crew, await crew.setUp(work, "", checked)]);
  const theirs = lineups.flatMap(([, { ready }]) => [...ready.values()].map(({ contestant }) => contestant));
  const peak = await openPeak(options.device);
  let peakGflops = 0;
  const results = await alternate([ourContestant(OURS, job.call), ...theirs], {
    rounds: options.quick ? 3 : 12,
    turnMs: 300,
    budgetMs: BUDGET_MS,
    slowMs: SLOW_MS,
    peerCpuMs: () => crews.reduce((sum, crew) => sum + crew.cpuMs(), 0),
    beforeTurn: async ({ side }) => {
      if (side === "ours") peakGflops = Math.max(peakGflops, await peak.measure());
    },
  });
  peak.close();
  for (const crew of crews) crew.close();
  node.close();
  const rates = new Rates(work.batch, job.flop(), peakGflops);
  const summaries = lineups.map(([crew, lineup]) => summarise(crew, lineup, results, rates));
  const ours = { ms: results.medianMs.get(OURS)!, firstMs };
  const notes = [`the peak of ${peakGflops.toFixed(0)} GFLOP/s is that of ${peak.name}`, ...missing, ...results.notes];
  return report(contest.bench, options, ours, summaries, rates, notes);
}

/** Who takes part: the requested peers, and beside `wasm` our own native device. */
function membersOf({ modes }: Contest, { peers, device }: BenchOptions, node: PlainNode): [CrewName, Member[]][] {
  const members: [CrewName, Member[]][] = [];
  for (const name of peers) {
    if (name === "torch") {
      const tunedModes = modes.filter((mode) => !mode.includes("compile"));
      members.push(["torch", [{ program: torchProgram(), modes }]]);
      members.push(["torch-tuned", [{ program: torchProgram(TUNED), modes: tunedModes }]]);
    } else members.push([name, name === "onnxruntime" ? [onnxMember()] : nodeMembers(name, node)]);
  }
  if (device === "wasm") members.push(["fovea-native", nodeMembers("fovea-native", node)]);
  return members;
}

/** What follows from the milliseconds of one repetition. */
class Rates {
  readonly #images: number;
  readonly #flop: number;
  readonly #peakGflops: number;

  constructor(images: number, flop: number, peakGflops: number) {
    this.#images = images;
    this.#flop = flop;
    this.#peakGflops = peakGflops;
  }

  timing(ms: number) {
    const gflops = this.#flop / ms / 1e6;
    return {
      medianMs: round(ms),
      imagesPerSecond: round((this.#images * 1000) / ms),
      effectiveGflops: round(gflops),
      shareOfPeak: round(gflops / this.#peakGflops, 3),
    };
  }

  row(name: string, ms: number, firstMs: number): string[] {
    const { imagesPerSecond, effectiveGflops, shareOfPeak } = this.timing(ms);
    const share = `${(100 * shareOfPeak).toFixed(0)} %`;
    return [name, ms.toFixed(2), imagesPerSecond.toFixed(0), effectiveGflops.toFixed(0), share, firstMs.toFixed(0)];
  }
}

/** Rows, JSON and the best of a crew's modes. */
function summarise(crew: Crew, { ready, failed }: Lineup, results: Results, rates: Rates): Summary {
  const { medianMs, fewSteps } = results;
  const measured = [...ready].flatMap(([mode, { setup, contestant }]) => {
    const ms = medianMs.get(contestant.name);
    return ms === undefined ? [] : [{ mode, firstMs: setup.firstMs, ms, rounds: fewSteps.get(contestant.name) }];
  });
  const modes: Record<string, ModeResult> = { ...failed };
  for (const { mode, ms, firstMs, rounds } of measured) {
    modes[mode] = { medianMs: round(ms), firstMs: round(firstMs), ...(rounds && { rounds }) };
  }
  return {
    name: crew.name,
    version: crew.version,
    modes,
    rows: measured.map(({ mode, ms, firstMs }) => rates.row(`${crew.label}, ${mode}`, ms, firstMs)),
    notes: [
      ...Object.entries(failed).map(([mode, { error }]) => `${crew.label}, ${mode}, cannot do this: ${error}`),
      ...measured.flatMap(({ mode, rounds }) =>
        rounds ? [`${crew.label}, ${mode}, is slow: the median of ${rounds} steps`] : [],
      ),
    ],
    best: measured.length === 0 ? undefined : measured.reduce((a, b) => (b.ms < a.ms ? b : a)),
  };
}

function report(
  bench: string,
  { device }: BenchOptions,
  { ms: ourMs, firstMs }: { readonly ms: number; readonly firstMs: number },
  summaries: readonly Summary[],
  rates: Rates,
  notes: readonly string[],
): Report {
  const headings = ["", "ms", "images/s", "GFLOP/s", "of peak", "first ms"];
  const table = [headings, rates.row(`Fovea ${device}`, ourMs, firstMs)];
  const peers: Partial<Record<PeerName, PeerResult>> = {};
  const speedup: Partial<Record<PeerName | "torchTuned", number>> = {};
  const details: Record<string, unknown> = {};
  const tuned = summaries.find(({ name }) => name === "torch-tuned");
  for (const { name, version, modes, rows, best } of summaries) {
    table.push(...rows);
    const ratio = best && round(best.ms / ourMs);
    if (name === "torch-tuned") speedup.torchTuned = ratio;
    else if (name === "fovea-native") {
      if (!best) continue;
      const { shareOfPeak: _, ...native } = rates.timing(best.ms); // the peak is that of WebAssembly
      Object.assign(details, { native, shareOfNative: ratio });
    } else {
      peers[name] = {
        ...(best && rates.timing(best.ms)),
        version,
        mode: best?.mode,
        modes,
        ...(name === "torch" && tuned && { tuned: { environment: TUNED, modes: tuned.modes } }),
      };
      speedup[name] = ratio;
    }
  }
  const allNotes = [...notes, ...summaries.flatMap((summary) => summary.notes)];
  if (typeof details.shareOfNative === "number")
    allNotes.push(`${device} reaches ${(100 * details.shareOfNative).toFixed(1)} % of native's speed`);
  return {
    bench,
    ours: { ...rates.timing(ourMs), firstMs: round(firstMs) },
    peers,
    speedup,
    table,
    details,
    notes: allNotes,
  };
}
