/** `mlp` and `cnn`: a whole training step, side by side with every mode of PyTorch. */
import { BATCH, type ModelName, trainingStep } from "../models.js";
import { type BenchOptions, openOurs, ourContestant, requireSame } from "../ours.js";
import { type Modes, TorchPeer } from "../peers.js";
import { type PeerResult, type Report, round } from "../report.js";
import { alternate } from "../rounds.js";

/** An input without channels has one layout only. */
const MODES: Readonly<Record<ModelName, readonly string[]>> = {
  mlp: ["contiguous", "compile"],
  cnn: ["contiguous", "channels-last", "compile", "compile + channels-last"],
};
/** Two orders of summing 128 losses in float32 differ by far less. */
const LOSS_TOLERANCE = 1e-4;
const OURS = "fovea";

type Medians = ReadonlyMap<string, number>;

/** Benchmarks the training step of `model`. */
export async function stepBench(model: ModelName, options: BenchOptions): Promise<Report> {
  const begin = performance.now();
  const step = trainingStep(model, await openOurs(options));
  const loss = await (await step()).item();
  const firstMs = performance.now() - begin;

  const rounds = { rounds: options.quick ? 3 : 12, turnMs: 300 };
  const fovea = ourContestant(OURS, step);
  const peer = await TorchPeer.start();
  if (typeof peer === "string") {
    const { medianMs, notes } = await alternate([fovea], rounds);
    return report(model, options, { medianMs, firstMs, notes: [peer, ...notes] });
  }
  const modes = await peer.setupAll({ kind: "step", model, batch: BATCH }, MODES[model], (check, mode) =>
    requireSame(`loss of the first step, ${mode}`, loss, check, LOSS_TOLERANCE),
  );
  const theirs = [...modes.ready].map(([mode, prepared]) => peer.contestant(mode, prepared));
  const { medianMs, notes } = await alternate([fovea, ...theirs], {
    ...rounds,
    peerCpuMs: async () => (await peer.usage()).cpuMs,
  });
  peer.close();
  return report(model, options, { medianMs, firstMs, notes, torch: { version: peer.version, modes } });
}

interface Outcome {
  readonly medianMs: Medians;
  readonly firstMs: number;
  readonly notes: readonly string[];
  readonly torch?: { readonly version: string; readonly modes: Modes };
}

function report(bench: string, { device }: BenchOptions, { medianMs, firstMs, notes, torch }: Outcome): Report {
  const ourMs = medianMs.get(OURS)!;
  const ours = { ...timing(ourMs), firstMs: round(firstMs) };
  const table = [["", "ms per step", "images/s", "first step ms"], row(`Fovea ${device}`, ourMs, firstMs)];
  if (!torch) return { bench, ours, peers: {}, speedup: {}, notes, table };

  const { ready, failed } = torch.modes;
  for (const [mode, prepared] of ready) table.push(row(`PyTorch ${mode}`, medianMs.get(mode)!, prepared.firstMs));
  const failures = Object.entries(failed).map(([mode, { error }]) => `PyTorch ${mode} failed: ${error}`);
  const [best] = [...ready.keys()].sort((a, b) => medianMs.get(a)! - medianMs.get(b)!);
  if (best === undefined) return { bench, ours, peers: {}, speedup: {}, notes: [...notes, ...failures], table };

  const bestMs = medianMs.get(best)!;
  const modes: Record<string, PeerResult["modes"][string]> = { ...failed };
  for (const [mode, prepared] of ready) {
    modes[mode] = { medianMs: round(medianMs.get(mode)!), firstMs: round(prepared.firstMs) };
  }
  const peers = { torch: { ...timing(bestMs), version: torch.version, mode: best, modes } };
  return { bench, ours, peers, speedup: { torch: round(bestMs / ourMs) }, notes: [...notes, ...failures], table };
}

function timing(ms: number) {
  return { medianMs: round(ms), imagesPerSecond: round((BATCH * 1000) / ms) };
}

function row(name: string, ms: number, firstMs: number): string[] {
  return [name, ms.toFixed(2), ((BATCH * 1000) / ms).toFixed(0), firstMs.toFixed(0)];
}
