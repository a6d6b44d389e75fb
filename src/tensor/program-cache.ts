/**
 * The programs of a context, by the structure of their graphs: rebuilding the same expression costs no compilation. Knows
 * graphs and devices, not when a program runs.
 */
import { compileGraph, structureKey } from "../compiler/index.js";
import type { Node } from "../ir/graph.js";
import type { Kernel } from "../ir/loops.js";
import type { KernelLabel, Program } from "../ir/program.js";
import type { Device, Executable } from "../runtime/index.js";
import { environment } from "../util/host.js";
import { traceStage } from "./debug.js";
import { Kept } from "./kept.js";

/** A program loaded on a device. */
export interface Loaded<K extends KernelLabel = KernelLabel> {
  readonly device: Device;
  readonly program: Program<K>;
  readonly executable: Executable;
  readonly kept: Kept | null;
}

/** A program and the leaves of the graph that it was asked for. */
export interface Fitted {
  readonly loaded: Loaded;
  readonly leaves: readonly Node[];
  /** To be called when a run has ended. */
  readonly ran: () => void;
}

/** What a program is asked for. */
export interface Wanted {
  readonly outputs: readonly Node[];
  /** For every output, the leaf whose storage it may take over, or null. */
  readonly replaced: readonly (Node | null)[];
  /** Leaves that seldom change: what depends on them alone is computed again only when one of them has changed. */
  readonly lasting: readonly Node[];
}

/** Is told of every run of a program that was compiled for it. */
export type Probe = (program: Program, stepTimesMs: readonly number[]) => void;

/** Whether what the compiler makes is verified after every pass; tests do. */
const verify = environment.FOVEA_VERIFY === "1";
const MOST_PROGRAMS = 512;

interface Request extends Wanted {
  readonly leaves: readonly Node[];
  readonly replaces: readonly (number | null)[];
}

function requestOf(wanted: Wanted, leaves: readonly Node[]): Request {
  const places = new Map(leaves.map((leaf, i) => [leaf, i]));
  const replaces = wanted.replaced.map((leaf) => (leaf ? (places.get(leaf) ?? null) : null));
  return { ...wanted, leaves, replaces };
}

async function build(device: Device, request: Request, probed = false): Promise<Loaded<Kernel>> {
  const { target } = device;
  const program = compileGraph({ ...request, target, trace: traceStage, verify, describe: probed });
  const kept = program.derived ? new Kept(device, program.derived, await device.load(program.derived)) : null;
  return { device, program, executable: await device.load(program, probed ? { timed: true } : {}), kept };
}

/**
 * The program as an earlier process made it, if the device remembers: not where somebody wants to see the compiler at
 * work.
 */
async function recall(device: Device, key: string): Promise<Loaded | null> {
  if (verify || Number(environment.FOVEA_DEBUG ?? 0) >= 2) return null;
  const found = await device.recall?.(key);
  if (!found) return null;
  const { program, executable, derived } = found;
  return {
    device,
    program,
    executable,
    kept: program.derived && derived ? new Kept(device, program.derived, derived) : null,
  };
}

/** Compiles what no process has compiled before, and has it remembered. */
async function recallOrBuild(device: Device, key: string, request: Request): Promise<Loaded> {
  const known = await recall(device, key);
  if (known) return known;
  const loaded = await build(device, request);
  if (!verify) await device.remember?.(key, loaded.program);
  return loaded;
}

export class ProgramCache {
  /** By device and key, the least recently used first. */
  private readonly programs = new Map<string, Promise<Loaded>>();
  /** Numbers of devices, of which several may have one name. */
  private readonly devices = new WeakMap<Device, number>();
  private deviceCount = 0;

  get size(): number {
    return this.programs.size;
  }

  /** The program for a graph, compiled if its structure is new. */
  async fit(device: Device, wanted: Wanted): Promise<Fitted> {
    const { key: structure, leaves } = structureKey(wanted.outputs);
    const request = requestOf(wanted, leaves);
    const lasting = new Set(wanted.lasting);
    const lastingAt = leaves.flatMap((leaf, i) => (lasting.has(leaf) ? [i] : []));
    const key = `${device.name}\n${request.replaces.join()}\n${lastingAt.join()}\n${structure}`;
    const place = `${this.numberOf(device)} ${key}`;
    const loaded = this.programs.get(place) ?? recallOrBuild(device, key, request);
    // Behind all others, as the one that was used last.
    this.programs.delete(place);
    this.programs.set(place, loaded);
    loaded.catch(() => this.programs.delete(place));
    const [oldest] = this.programs.keys();
    if (this.programs.size > MOST_PROGRAMS) this.programs.delete(oldest);
    return { loaded: await loaded, leaves, ran: () => {} };
  }

  private numberOf(device: Device): number {
    const known = this.devices.get(device) ?? this.deviceCount++;
    this.devices.set(device, known);
    return known;
  }
}

/**
 * A program for one caller alone, who is told of every run: one from the cache may be labelled with another model's
 * modules.
 */
export async function fitProbed(device: Device, wanted: Wanted, probe: Probe): Promise<Fitted> {
  const { leaves } = structureKey(wanted.outputs);
  const loaded = await build(device, requestOf(wanted, leaves), true);
  return { loaded, leaves, ran: () => probe(loaded.program, loaded.executable.stepTimesMs()) };
}
