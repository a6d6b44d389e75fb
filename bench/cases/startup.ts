/**
 * `startup`: from the import to the end of the first `cnn` step, in a process of its own, with an empty and with a filled
 * kernel cache. The peer is PyTorch's eager mode and its compiler, likewise from its import.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { BATCH } from "../models.js";
import type { BenchOptions } from "../ours.js";
import { TorchPeer } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, median, type Report, round } from "../report.js";

const answer = z.object({ importMs: z.number(), firstStepMs: z.number(), processMs: z.number(), loss: z.number() });
type Start = z.infer<typeof answer>;

/** PyTorch's modes; the compiler keeps its kernels in a folder of its own, empty for a cold start. */
const MODES = [
  { mode: "channels-last", cold: false },
  { mode: "compile, cold", cold: true },
  { mode: "compile, warm", cold: false },
] as const;

/** Benchmarks the start of a program. */
export async function startupBench(options: BenchOptions): Promise<Report> {
  const node = await PlainNode.create();
  const folder = mkdtempSync(join(tmpdir(), "fovea-cache-"));
  const runs = options.quick ? 1 : 5;
  const start = async (cache: string) =>
    answer.parse(await node.run(["startup", options.device], { FOVEA_CACHE: join(folder, cache) }));
  const [cold, warm]: [Start[], Start[]] = [[], []];
  const torch = new Map<string, number[]>();
  const notes = ["the operating system's file cache is warm in all runs"];
  const modes: Record<string, ModeResult> = {};
  let version: string | undefined;
  try {
    for (let i = 0; i < runs; i++) {
      cold.push(await start(`${i}`));
      warm.push(await start(`${i}`));
      for (const { mode, cold: empty } of MODES) {
        const begun = await startTorch(mode, join(folder, `torch-${empty ? i : 0}`));
        if (typeof begun === "string") {
          modes[mode] = { error: begun };
          continue;
        }
        version = begun.version;
        torch.set(mode, [...(torch.get(mode) ?? []), begun.ms]);
      }
    }
  } finally {
    node.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return report(options, { cold, warm, torch, modes, version, notes });
}

async function startTorch(mode: string, cache: string): Promise<{ ms: number; version: string } | string> {
  const peer = await TorchPeer.start({ TORCHINDUCTOR_CACHE_DIR: cache });
  if (typeof peer === "string") return peer;
  const prepared = await peer.setup({ kind: "step", model: "cnn", batch: BATCH }, mode);
  peer.close();
  return "error" in prepared ? prepared.error : { ms: prepared.sinceStartMs, version: peer.version };
}

interface Outcome {
  readonly cold: readonly Start[];
  readonly warm: readonly Start[];
  readonly torch: ReadonlyMap<string, readonly number[]>;
  readonly modes: Readonly<Record<string, ModeResult>>;
  readonly version: string | undefined;
  readonly notes: readonly string[];
}

function report({ device }: BenchOptions, outcome: Outcome): Report {
  const { cold, warm, torch, version } = outcome;
  const ms = (starts: readonly Start[], key: keyof Start) => round(median(starts.map((start) => start[key])));
  const sides = { cold: sideOf(cold), warm: sideOf(warm) };
  function sideOf(starts: readonly Start[]) {
    return {
      medianMs: ms(starts, "firstStepMs"),
      importMs: ms(starts, "importMs"),
      processMs: ms(starts, "processMs"),
    };
  }
  const table = [
    ["", "ms to the end of the first step"],
    [`Fovea ${device}, empty cache`, sides.cold.medianMs.toFixed(0)],
    [`Fovea ${device}, filled cache`, sides.warm.medianMs.toFixed(0)],
  ];
  const modes: Record<string, ModeResult> = { ...outcome.modes };
  for (const [mode, times] of torch) {
    modes[mode] = { medianMs: round(median(times)) };
    table.push([`PyTorch ${mode}`, median(times).toFixed(0)]);
  }
  const notes = [...outcome.notes];
  for (const [mode, result] of Object.entries(modes)) if ("error" in result) notes.push(`${mode}: ${result.error}`);
  const common = { bench: "startup", ours: { medianMs: sides.warm.medianMs, ...sides }, table, notes };
  const [best] = [...torch].sort(([, a], [, b]) => median(a) - median(b));
  if (!best || version === undefined) return { ...common, peers: {}, speedup: {} };
  const bestMs = median(best[1]);
  const peers = { torch: { medianMs: round(bestMs), version, mode: best[0], modes } };
  return { ...common, peers, speedup: { torch: round(bestMs / sides.warm.medianMs) } };
}
