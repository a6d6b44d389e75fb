/** `mlp` and `cnn`: a whole training step, side by side with every way in which a peer runs it. */
import { Crew, type CrewName, type Lineup, type Member, nodeMembers, TUNED, torchProgram } from "../crews.js";
import { BATCH, type ModelName, trainingStep } from "../models.js";
import { type BenchOptions, openOurs, ourContestant, requireSame } from "../ours.js";
import type { Checked } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, type PeerName, type PeerResult, type Report, round } from "../report.js";
import { alternate, type RoundResult } from "../rounds.js";

/** An input without channels has one layout only. */
const MODES: Readonly<Record<ModelName, readonly string[]>> = {
  mlp: ["contiguous", "compile"],
  cnn: ["contiguous", "channels-last", "compile", "compile + channels-last"],
};
/** Modes that are also measured in the tuned environment; reported apart, and not counted as PyTorch's best. */
const TUNED_MODES = ["contiguous", "channels-last"];
/** Two orders of summing 128 losses in float32 differ by far less; a momentum sums more terms of both signs. */
const TOLERANCES = [1e-4, 1e-3];
const CHECKED = ["loss of the first step", "momentum after the first step"];
const OURS = "fovea";

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

/** Benchmarks the training step of `model`. */
export async function stepBench(model: ModelName, options: BenchOptions): Promise<Report> {
  const begin = performance.now();
  const { step, checks } = trainingStep(model, await openOurs(options));
  await step();
  const firstMs = performance.now() - begin;
  const ourChecks = await checks();

  const node = await PlainNode.create();
  const missing: string[] = [];
  const crews: Crew[] = [];
  for (const [name, members] of membersOf(model, options, node))
    crews.push(...(await Crew.start(name, members, missing)));
  const checked: Checked = (values, who) => {
    for (const [i, value] of values.entries()) requireSame(`${CHECKED[i]}, ${who}`, ourChecks[i], value, TOLERANCES[i]);
    if (values.length !== ourChecks.length) throw new Error(`${who} does not say what it has computed`);
  };
  const lineups: [Crew, Lineup][] = [];
  for (const crew of crews)
    lineups.push([crew, await crew.prepare({ kind: "step", model, batch: BATCH }, "", checked)]);
  const theirs = lineups.flatMap(([, { ready }]) => [...ready.values()].map(({ contestant }) => contestant));
  const results = await alternate([ourContestant(OURS, step), ...theirs], {
    rounds: options.quick ? 3 : 12,
    turnMs: 300,
    peerCpuMs: () => crews.reduce((sum, crew) => sum + crew.cpuMs(), 0),
  });
  for (const crew of crews) crew.close();
  node.close();
  const summaries = lineups.map(([crew, lineup]) => summarise(crew, lineup, results));
  const ours = { ms: results.medianMs.get(OURS)!, firstMs };
  return report(model, options, ours, summaries, [...missing, ...results.notes]);
}

/** Who takes part: the peers asked for, and beside `wasm` our own native device. */
function membersOf(model: ModelName, { peers, device }: BenchOptions, node: PlainNode): [CrewName, Member[]][] {
  const members: [CrewName, Member[]][] = [];
  for (const name of peers) {
    if (name !== "torch") members.push([name, nodeMembers(name, node)]);
    else {
      const tunedModes = TUNED_MODES.filter((mode) => MODES[model].includes(mode));
      members.push(["torch", [{ program: torchProgram(), modes: MODES[model] }]]);
      members.push(["torch-tuned", [{ program: torchProgram(TUNED), modes: tunedModes }]]);
    }
  }
  if (device === "wasm") members.push(["fovea-native", nodeMembers("fovea-native", node)]);
  return members;
}

/** Rows, JSON and the best of a crew's modes. */
function summarise(crew: Crew, { ready, failed }: Lineup, { medianMs, fewSteps }: Results): Summary {
  const measured = [...ready].map(([mode, { prepared, contestant }]) => ({
    mode,
    firstMs: prepared.firstMs,
    ms: medianMs.get(contestant.name)!,
    rounds: fewSteps.get(contestant.name),
  }));
  const modes: Record<string, ModeResult> = { ...failed };
  for (const { mode, ms, firstMs, rounds } of measured) {
    modes[mode] = { medianMs: round(ms), firstMs: round(firstMs), ...(rounds && { rounds }) };
  }
  return {
    name: crew.name,
    version: crew.version,
    modes,
    rows: measured.map(({ mode, ms, firstMs }) => row(`${crew.label}, ${mode}`, ms, firstMs)),
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
  notes: readonly string[],
): Report {
  const table = [["", "ms per step", "images/s", "first step ms"], row(`Fovea ${device}`, ourMs, firstMs)];
  const peers: Partial<Record<PeerName, PeerResult>> = {};
  const speedup: Partial<Record<PeerName | "torchTuned", number>> = {};
  const details: Record<string, unknown> = {};
  const tuned = summaries.find(({ name }) => name === "torch-tuned");
  for (const { name, version, modes, rows, best } of summaries) {
    table.push(...rows);
    const ratio = best && round(best.ms / ourMs);
    if (name === "torch-tuned") speedup.torchTuned = ratio;
    else if (name === "fovea-native") {
      if (best) Object.assign(details, { native: timing(best.ms), shareOfNative: ratio });
    } else {
      peers[name] = {
        ...(best && timing(best.ms)),
        version,
        mode: best?.mode,
        modes,
        ...(name === "torch" && tuned && { tuned: { environment: TUNED, modes: tuned.modes } }),
      };
      speedup[name] = ratio;
    }
  }
  const allNotes = [...notes, ...summaries.flatMap((summary) => summary.notes)];
  if (details.shareOfNative !== undefined)
    allNotes.push(`${device} reaches ${details.shareOfNative} of native's speed`);
  return {
    bench,
    ours: { ...timing(ourMs), firstMs: round(firstMs) },
    peers,
    speedup,
    table,
    details,
    notes: allNotes,
  };
}

function timing(ms: number) {
  return { medianMs: round(ms), imagesPerSecond: round((BATCH * 1000) / ms) };
}

function row(name: string, ms: number, firstMs: number): string[] {
  return [name, ms.toFixed(2), ((BATCH * 1000) / ms).toFixed(0), firstMs.toFixed(0)];
}
