/**
 * `memory`: live bytes of a training step early and late in a run, which must be the same, and the peak resident size of
 * the process beside that of PyTorch after the early steps. The model is `cnn` unless `--model` says otherwise.
 */
import { z } from "zod";
import { torchModes, torchProgram } from "../crews.js";
import { type ModelName, stepWork } from "../models.js";
import type { BenchOptions } from "../ours.js";
import { Peer } from "../peers.js";
import { PlainNode } from "../plain.js";
import { type ModeResult, peerLabels, type Report, round } from "../report.js";

const answer = z.object({
  liveBytes: z.tuple([z.number(), z.number()]),
  peakBytes: z.number(),
  buffers: z.number(),
  maxRssBytes: z.number(),
  seconds: z.number(),
});

/** After how many steps live bytes are read: steps of residual networks take seconds. */
function stepsOf({ model, quick }: BenchOptions): readonly [early: number, late: number] {
  if (quick || (model !== "mlp" && model !== "cnn")) return [5, 20];
  return [100, 2000];
}

/** Measures memory; throws if live bytes grow. */
export async function memoryBench(options: BenchOptions): Promise<Report> {
  const { device, model, peers: asked } = options;
  const steps = stepsOf(options);
  const node = await PlainNode.create();
  const { liveBytes, ...rest } = answer.parse(await node.run(["memory", device, model, ...steps.map(String)]));
  node.close();
  const [early, late] = liveBytes;
  if (early !== late) throw new Error(`live bytes: ${early} after step ${steps[0]}, ${late} after step ${steps[1]}`);

  const modes: Record<string, ModeResult> = {};
  const notes = asked.filter((peer) => peer !== "torch").map((peer) => `${peerLabels[peer]} takes no part in memory`);
  let version: string | undefined;
  // A process each, since the peak of a process never falls.
  for (const mode of asked.includes("torch") ? torchModes(model) : []) {
    const measured = await torchBytes(model, mode, steps[0]);
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
    [`training ${model}`, "MB"],
    ...liveBytes.map((bytes, i) => [`Fovea live after step ${steps[i]}`, megabytes(bytes)]),
    ["Fovea peak resident size", megabytes(rest.maxRssBytes)],
    ...sizes.map(({ mode, bytes }) => [`PyTorch peak resident size, ${mode}`, megabytes(bytes)]),
  ];
  const common = { bench: "memory", ours: { model, steps, liveBytes, ...rest }, table, notes };
  if (sizes.length === 0 || version === undefined) return { ...common, peers: {}, speedup: {} };
  const best = sizes.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  const torch = { version, mode: best.mode, modes, maxRssBytes: best.bytes };
  notes.push("the ratio compares peak resident sizes, not times");
  return { ...common, peers: { torch }, speedup: { torch: round(best.bytes / rest.maxRssBytes) } };
}

async function torchBytes(
  model: ModelName,
  mode: string,
  steps: number,
): Promise<{ bytes: number; version: string } | string> {
  const peer = await Peer.start(torchProgram());
  if (typeof peer === "string") return peer;
  try {
    const ready = await peer.setup(stepWork(model), mode);
    if ("error" in ready) return ready.error;
    await peer.contestant(mode, ready).run(steps);
    return { bytes: await peer.maxRssBytes(), version: peer.version };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    peer.close();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
