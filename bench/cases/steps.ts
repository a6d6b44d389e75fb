/** `mlp` and `cnn`: a whole training step, side by side with every mode of PyTorch. */
import { BATCH, type ModelName, trainingStep } from "../models.js";
import { type BenchOptions, openOurs, ourContestant, requireSame } from "../ours.js";
import { type Modes, TorchPeer, TUNED } from "../peers.js";
import { type ModeResult, type Report, round } from "../report.js";
import { alternate, type RoundOptions } from "../rounds.js";

/** An input without channels has one layout only. */
const MODES: Readonly<Record<ModelName, readonly string[]>> = {
  mlp: ["contiguous", "compile"],
  cnn: ["contiguous", "channels-last", "compile", "compile + channels-last"],
};
/** Modes that are also measured in the tuned environment; reported apart, and not counted as PyTorch's best. */
const TUNED_MODES = ["contiguous", "channels-last"];
/** Two orders of summing 128 losses in float32 differ by far less. */
const LOSS_TOLERANCE = 1e-4;
const OURS = "fovea";
const tunedName = (mode: string) => `tuned, ${mode}`;

type Medians = ReadonlyMap<string, number>;

/** Benchmarks the training step of `model`. */
export async function stepBench(model: ModelName, options: BenchOptions): Promise<Report> {
  const begin = performance.now();
  const step = trainingStep(model, await openOurs(options));
  const loss = await (await step()).item();
  const firstMs = performance.now() - begin;

  const rounds: RoundOptions = { rounds: options.quick ? 3 : 12, turnMs: 300 };
  const fovea = ourContestant(OURS, step);
  const peer = await TorchPeer.start();
  if (typeof peer === "string") {
    const { medianMs, notes } = await alternate([fovea], rounds);
    return report(model, options, { medianMs, firstMs, notes: [peer, ...notes] });
  }
  const tunedPeer = await TorchPeer.start(TUNED);
  if (typeof tunedPeer === "string") throw new Error(tunedPeer);

  const setup = (from: TorchPeer, modes: readonly string[]): Promise<Modes> =>
    from.setupAll({ kind: "step", model, batch: BATCH }, modes, (check, mode) =>
      requireSame(`loss of the first step, ${mode}`, loss, check, LOSS_TOLERANCE),
    );
  const modes = await setup(peer, MODES[model]);
  const tuned = await setup(
    tunedPeer,
    TUNED_MODES.filter((mode) => MODES[model].includes(mode)),
  );
  const theirs = [...modes.ready].map(([mode, prepared]) => peer.contestant(mode, prepared));
  theirs.push(...[...tuned.ready].map(([mode, prepared]) => tunedPeer.contestant(tunedName(mode), prepared)));
  const peerCpuMs = () => peer.cpuMs() + tunedPeer.cpuMs();
  const { medianMs, notes } = await alternate([fovea, ...theirs], { ...rounds, peerCpuMs });
  peer.close();
  tunedPeer.close();
  return report(model, options, { medianMs, firstMs, notes, torch: { version: peer.version, modes, tuned } });
}

interface Outcome {
  readonly medianMs: Medians;
  readonly firstMs: number;
  readonly notes: readonly string[];
  readonly torch?: { readonly version: string; readonly modes: Modes; readonly tuned: Modes };
}

function report(bench: string, { device }: BenchOptions, { medianMs, firstMs, notes, torch }: Outcome): Report {
  const ourMs = medianMs.get(OURS)!;
  const ours = { ...timing(ourMs), firstMs: round(firstMs) };
  const table = [["", "ms per step", "images/s", "first step ms"], row(`Fovea ${device}`, ourMs, firstMs)];
  const common = { bench, ours, table };
  if (!torch) return { ...common, peers: {}, speedup: {}, notes };

  const plain = summarise(torch.modes, medianMs, (mode) => mode);
  const tuned = summarise(torch.tuned, medianMs, tunedName);
  table.push(...plain.rows, ...tuned.rows);
  const allNotes = [...notes, ...plain.failures, ...tuned.failures];
  if (!plain.best) return { ...common, peers: {}, speedup: {}, notes: allNotes };
  const { mode, ms } = plain.best;
  const tunedResult = { environment: TUNED, modes: tuned.modes };
  const peers = {
    torch: { ...timing(ms), version: torch.version, mode, modes: plain.modes, tuned: tunedResult },
  };
  const speedup = { torch: round(ms / ourMs), ...(tuned.best && { torchTuned: round(tuned.best.ms / ourMs) }) };
  return { ...common, peers, speedup, notes: allNotes };
}

/** Rows, JSON and the best of some modes of PyTorch. */
function summarise({ ready, failed }: Modes, medianMs: Medians, nameOf: (mode: string) => string) {
  const measured = [...ready].map(([mode, { firstMs }]) => ({ mode, firstMs, ms: medianMs.get(nameOf(mode))! }));
  const modes: Record<string, ModeResult> = { ...failed };
  for (const { mode, ms, firstMs } of measured) modes[mode] = { medianMs: round(ms), firstMs: round(firstMs) };
  return {
    modes,
    rows: measured.map(({ mode, ms, firstMs }) => row(`PyTorch ${nameOf(mode)}`, ms, firstMs)),
    failures: Object.entries(failed).map(([mode, { error }]) => `PyTorch ${nameOf(mode)} failed: ${error}`),
    best: measured.length === 0 ? undefined : measured.reduce((a, b) => (b.ms < a.ms ? b : a)),
  };
}

function timing(ms: number) {
  return { medianMs: round(ms), imagesPerSecond: round((BATCH * 1000) / ms) };
}

function row(name: string, ms: number, firstMs: number): string[] {
  return [name, ms.toFixed(2), ((BATCH * 1000) / ms).toFixed(0), firstMs.toFixed(0)];
}
