/**
 * What every benchmark hands back and how it is printed: readable lines, then with `--json` one JSON object as the last
 * line. It knows nothing of how anything was measured.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { root } from "../tools/setup.mjs";

/** Milliseconds of one side, and what follows from them. */
interface Timing {
  /** Absent where milliseconds are not what is compared. */
  readonly medianMs?: number;
  readonly imagesPerSecond?: number;
  /** Operations that direct sums would need, per second: Winograd's way may pass the peak. */
  readonly effectiveGflops?: number;
  /** The same as a share of the machine's measured peak. */
  readonly shareOfPeak?: number;
}

/** One way of running the peer: its time, or why it failed. */
export type ModeResult =
  | { readonly medianMs: number; readonly firstMs?: number; readonly rounds?: number }
  | { readonly bytes: number }
  | { readonly error: string };

/** The libraries of others, as the command line names them. */
export const peerLabels = {
  torch: "PyTorch",
  onnxruntime: "ONNX Runtime",
  "jax-js": "jax-js",
  "tfjs-wasm": "TensorFlow.js wasm",
} as const;
export type PeerName = keyof typeof peerLabels;

/** Without `mode`, none of the ways of running it works. */
export interface PeerResult extends Timing {
  readonly version: string;
  /** The best of the modes; its figures are those above. */
  readonly mode?: string;
  readonly modes: Readonly<Record<string, ModeResult>>;
  readonly maxRssBytes?: number;
  /** The same in an environment made for it. */
  readonly tuned?: { readonly environment: object; readonly modes: Readonly<Record<string, ModeResult>> };
}

export interface Report {
  readonly bench: string;
  readonly ours: Timing & Readonly<Record<string, unknown>>;
  readonly peers: { readonly [Name in PeerName]?: PeerResult };
  /** Peer's time divided by ours: above 1 means that Fovea is faster. `torchTuned`: see TUNED in crews.ts. */
  readonly speedup: { readonly [Name in PeerName | "torchTuned"]?: number };
  /** What a reader of the figures must know: a missing peer, other load on the machine. */
  readonly notes: readonly string[];
  /** Rows for people; the first holds the headings. */
  readonly table: readonly (readonly string[])[];
  /** Further figures of this benchmark, for the JSON line. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A number with `digits` significant digits: short enough to read, long enough to compare. */
export function round(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}

/** Prints the table, the notes and, if wanted, the JSON line. */
export function print(report: Report, json: boolean): void {
  const { table, details, bench, ours, peers, speedup, notes } = report;
  const machine = describeMachine();
  const lines = [
    `${bench} on ${machine.cores} × ${machine.cpu} (${machine.simd}), Node ${machine.node}`,
    ...align(table),
  ];
  for (const name of Object.keys(peerLabels) as PeerName[]) {
    const [times, peer] = [speedup[name], peers[name]];
    if (times === undefined || !peer) continue;
    lines.push(`${times.toFixed(2)} times ${peerLabels[name]} ${peer.version} (its best mode: ${peer.mode})`);
  }
  if (speedup.torchTuned !== undefined) {
    lines.push(`${speedup.torchTuned.toFixed(2)} times PyTorch in an environment tuned for it`);
  }
  lines.push(...notes.map((note) => `note: ${note}`));
  process.stdout.write(`${lines.join("\n")}\n`);
  if (!json) return;
  const object = { bench, machine, commit: commit(), ours, peers, speedup, ...details, notes };
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

function align(table: Report["table"]): string[] {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  "),
  );
}

function describeMachine() {
  const [first] = cpus();
  const { node } = process.versions;
  return { cpu: first.model.trim(), cores: cpus().length, simd: simd(), threads: process.env.FOVEA_THREADS, node };
}

/** The widest vectors that the processor reports, or those that FOVEA_SIMD requests. */
function simd(): string {
  if (process.env.FOVEA_SIMD) return process.env.FOVEA_SIMD;
  if (process.arch === "arm64") return "neon";
  const flags = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  if (/\bavx512f\b/.test(flags)) return "avx512";
  if (/\bavx2\b/.test(flags)) return "avx2";
  return flags === "" ? "unknown" : "sse";
}

function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, stdio: "pipe", encoding: "utf8" }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+changes");
  } catch {
    return "unknown";
  }
}
