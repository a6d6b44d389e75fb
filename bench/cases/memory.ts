/**
 * `memory`: live bytes of the `cnn` step after 100 and after 2,000 steps, which must be the same, and the peak resident
 * size of the process beside that of PyTorch after 100 steps.
 */
import { z } from "zod";
import { torchProgram } from "../crews.js";
import { BATCH } from "../models.js";
import type { BenchOptions } from "../ours.js";
import { Peer } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, type Report, round } from "../report.js";

const answer = z.object({
  liveBytes100: z.number(),
  liveBytes2000: z.number(),
  peakBytes: z.number(),
  buffers: z.number(),
  maxRssBytes: z.number(),
  seconds: z.number(),
});
/** A process each, since the peak of a process never falls. */
const MODES = ["contiguous", "channels-last"];
const PEER_STEPS = 100;

/** Measures memory; throws if live bytes grow. */
export async function memoryBench({ device, peers: asked }: BenchOptions): Promise<Report> {
  const node = await PlainNode.create();
  const ours = answer.parse(await node.run(["memory", device]));
  node.close();
  if (ours.liveBytes100 !== ours.liveBytes2000) {
    throw new Error(`live bytes: ${ours.liveBytes100} after step 100, ${ours.liveBytes2000} after step 2000`);
  }

  const modes: Record<string, ModeResult> = {};
  const notes: string[] = [];
  let version: string | undefined;
  for (const mode of asked.includes("torch") ? MODES : []) {
    const measured = await torchBytes(mode);
    if (typeof measured === "string") {
      notes.push(`PyTorch ${mode}: ${measured}`);
      modes[mode] = { error: measured };
    } else {
      version = measured.version;
      modes[mode] = { bytes: measured.bytes };
    }
  }
  const sizes = Object.entries(modes).flatMap(([mode, m]) => ("bytes" in m ? [{ mode, bytes: m.bytes }] : []));
  const table = [
    ["", "MB"],
    ["Fovea live after step 100", megabytes(ours.liveBytes100)],
    ["Fovea live after step 2000", megabytes(ours.liveBytes2000)],
    ["Fovea peak resident size", megabytes(ours.maxRssBytes)],
    ...sizes.map(({ mode, bytes }) => [`PyTorch peak resident size, ${mode}`, megabytes(bytes)]),
  ];
  const common = { bench: "memory", ours, table, notes };
  if (sizes.length === 0 || version === undefined) return { ...common, peers: {}, speedup: {} };
  const best = sizes.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  const torch = { version, mode: best.mode, modes, maxRssBytes: best.bytes };
  notes.push("the ratio compares peak resident sizes, not times");
  return { ...common, peers: { torch }, speedup: { torch: round(best.bytes / ours.maxRssBytes) } };
}

async function torchBytes(mode: string): Promise<{ bytes: number; version: string } | string> {
  const peer = await Peer.start(torchProgram());
  if (typeof peer === "string") return peer;
  try {
    const prepared = await peer.setup({ kind: "step", model: "cnn", batch: BATCH }, mode);
    if ("error" in prepared) return prepared.error;
    await peer.contestant(mode, prepared).run(PEER_STEPS);
    return { bytes: await peer.maxRssBytes(), version: peer.version };
  } finally {
    peer.close();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
