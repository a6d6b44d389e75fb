/**
 * `startup`: from the import to the end of the first training step, in a process of its own, with an empty and with a
 * filled kernel cache; WebAssembly caches nothing on disk. The model is `cnn` unless `--model` says otherwise. The peers
 * are PyTorch's eager mode and its compiler, and libraries of JavaScript, likewise from their import.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Member, missingPackage, nodeMembers, torchProgram } from "../crews.js";
import { type ModelName, stepWork } from "../models.js";
import type { BenchOptions } from "../ours.js";
import { Peer } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, median, type PeerName, type PeerResult, peerLabels, type Report, round } from "../report.js";

const answer = z.object({ importMs: z.number(), firstStepMs: z.number(), processMs: z.number(), loss: z.number() });
type Start = z.infer<typeof answer>;

/** PyTorch's modes; the compiler keeps its kernels in a folder of its own, empty for a cold start. */
const MODES = [
  { mode: "channels-last", cold: false },
  { mode: "compile, cold", cold: true },
  { mode: "compile, warm", cold: false },
] as const;
/** A start that takes this long is not repeated. */
const SLOW_MS = 5000;

/** One way of starting a peer. */
interface Starter {
  readonly peer: PeerName;
  readonly mode: string;
  /** The process of run `i`. */
  readonly member: (i: number) => Member;
  readonly times: number[];
  version?: string;
  error?: string;
}

/** Benchmarks the start of a program. */
export async function startupBench(options: BenchOptions): Promise<Report> {
  const node = await PlainNode.create();
  const folder = mkdtempSync(join(tmpdir(), "fovea-cache-"));
  const runs = options.quick ? 1 : 5;
  const start = async (cache: string) =>
    answer.parse(await node.run(["startup", options.device, options.model], { FOVEA_CACHE: join(folder, cache) }));
  const [cold, warm]: [Start[], Start[]] = [[], []];
  const notes = ["the operating system's file cache is warm in all runs"];
  const starters = startersOf(options, node, folder, notes);
  try {
    for (let i = 0; i < runs; i++) {
      cold.push(await start(`${i}`));
      if (options.device !== "wasm") warm.push(await start(`${i}`));
      for (const starter of starters) {
        if (!starter.error && !starter.times.some((ms) => ms > SLOW_MS)) await startOnce(options.model, starter, i);
      }
    }
  } finally {
    node.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return report(options, cold, warm, starters, notes);
}

function startersOf({ peers }: BenchOptions, node: PlainNode, folder: string, notes: string[]): Starter[] {
  return peers.flatMap((peer): Starter[] => {
    if (peer === "torch") {
      return MODES.map(({ mode, cold }) => {
        const cache = (i: number) => ({ TORCHINDUCTOR_CACHE_DIR: join(folder, `torch-${cold ? i : 0}`) });
        return { peer, mode, times: [], member: (i) => ({ program: torchProgram(cache(i)), modes: [mode] }) };
      });
    }
    if (peer === "onnxruntime") {
      notes.push(`${peerLabels[peer]} takes no part in startup`);
      return [];
    }
    const missing = missingPackage(peer);
    if (missing) notes.push(missing);
    const members = missing ? [] : nodeMembers(peer, node);
    return members.map((member) => ({ peer, mode: member.modes[0], times: [], member: () => member }));
  });
}

/** Adds the time from the start of a peer's process to the end of its first step, or the reason why there is none. */
async function startOnce(model: ModelName, starter: Starter, i: number): Promise<void> {
  const { program } = starter.member(i);
  const peer = await Peer.start(program);
  if (typeof peer === "string") {
    starter.error = peer;
    return;
  }
  starter.version = peer.version;
  const ready = await peer.setup(stepWork(model), starter.mode);
  peer.close();
  if ("error" in ready) starter.error = ready.error;
  else starter.times.push(ready.sinceStartMs);
}

function report(
  { device, model }: BenchOptions,
  cold: readonly Start[],
  warm: readonly Start[],
  starters: readonly Starter[],
  notes: readonly string[],
): Report {
  const sides = { cold: sideOf(cold), ...(warm.length > 0 && { warm: sideOf(warm) }) };
  const ourMs = (sides.warm ?? sides.cold).medianMs;
  const cached = warm.length > 0 ? ", empty cache" : "";
  const table = [
    [`${model}`, "ms to the end of the first step"],
    [`Fovea ${device}${cached}`, sides.cold.medianMs.toFixed(0)],
    ...(sides.warm ? [[`Fovea ${device}, filled cache`, sides.warm.medianMs.toFixed(0)]] : []),
  ];
  const allNotes = [...notes];
  const peers: Partial<Record<PeerName, PeerResult>> = {};
  const speedup: Partial<Record<PeerName, number>> = {};
  for (const name of new Set(starters.map(({ peer }) => peer))) {
    const modes: Record<string, ModeResult> = {};
    let best: { readonly mode: string; readonly ms: number } | undefined;
    for (const { mode, times, error } of starters.filter(({ peer }) => peer === name)) {
      if (error !== undefined) {
        modes[mode] = { error };
        allNotes.push(`${peerLabels[name]}, ${mode}: ${error}`);
        continue;
      }
      const ms = median(times);
      modes[mode] = { medianMs: round(ms), rounds: times.length };
      table.push([`${peerLabels[name]}, ${mode}`, ms.toFixed(0)]);
      if (!best || ms < best.ms) best = { mode, ms };
    }
    const version = starters.find(({ peer, version: known }) => peer === name && known)?.version;
    if (version === undefined) continue;
    peers[name] = { ...(best && { medianMs: round(best.ms) }), version, mode: best?.mode, modes };
    if (best) speedup[name] = round(best.ms / ourMs);
  }
  return { bench: "startup", ours: { model, medianMs: ourMs, ...sides }, peers, speedup, table, notes: allNotes };
}

function sideOf(starts: readonly Start[]) {
  const ms = (key: keyof Start) => round(median(starts.map((start) => start[key])));
  return { medianMs: ms("firstStepMs"), importMs: ms("importMs"), processMs: ms("processMs") };
}
