/**
 * The program cache of a context, by the structure of graphs: rebuilding an expression needs no compilation. Must not
 * know when programs run.
 */
import { structureKey } from "../compiler/structure-key.js";
import type { Node } from "../ir/graph.js";
import type { Kernel } from "../ir/loops.js";
import type { KernelLabel, Program } from "../ir/program.js";
import type { Device, Executable } from "../runtime/index.js";
import { environment } from "../util/host.js";
import { traceStage } from "./debug.js";
import { DerivedValues } from "./derived-values.js";

/** A program loaded on a device. */
export interface Loaded<K extends KernelLabel = KernelLabel> {
  readonly device: Device;
  readonly program: Program<K>;
  readonly executable: Executable;
  readonly derived: DerivedValues | null;
}

/** A program, and the leaves of the graph for which it was requested, in the program's order. */
export interface GraphProgram {
  readonly loaded: Loaded;
  readonly leaves: readonly Node[];
  /** Must be called after each run. */
  readonly afterRun: () => void;
}

/** A request for a program. */
export interface ProgramRequest {
  readonly outputs: readonly Node[];
  /** For every output, the leaf whose storage it may overwrite, or null. */
  readonly replaced: readonly (Node | null)[];
  /**
   * Leaves that no run of the program assigns, such as parameters in inference: values derived from them alone are
   * computed again only when one has changed.
   */
  readonly invariant: readonly Node[];
}

/** Receives the step times of every run of a program that was compiled for it. */
export type Probe = (program: Program, stepTimesMs: readonly number[]) => void;

/** True if compiler output is verified after every pass, as in tests. */
const verify = environment.FOVEA_VERIFY === "1";
const MAX_PROGRAMS = 512;

interface CompileRequest extends ProgramRequest {
  readonly leaves: readonly Node[];
  readonly replaces: readonly (number | null)[];
}

function requestOf(wanted: ProgramRequest, leaves: readonly Node[]): CompileRequest {
  const places = new Map(leaves.map((leaf, i) => [leaf, i]));
  const replaces = wanted.replaced.map((leaf) => (leaf ? (places.get(leaf) ?? null) : null));
  return { ...wanted, leaves, replaces };
}

async function build(device: Device, request: CompileRequest, probed = false): Promise<Loaded<Kernel>> {
  const { target } = device;
  // Loaded when first needed: a process that finds all its programs in the cache starts without the compiler.
  const { compileGraph } = await import("../compiler/index.js");
  const program = compileGraph({ ...request, target, trace: traceStage, verify, describe: probed });
  const derived = program.derived
    ? new DerivedValues(device, program.derived, await device.load(program.derived))
    : null;
  return { device, program, executable: await device.load(program, probed ? { timed: true } : {}), derived };
}

/** The key of a stored program: a process that verifies recalls only programs that were verified. */
const storedKey = (key: string): string => (verify ? `verified\n${key}` : key);

/** The program that an earlier process compiled, if the device stored it; null while the compiler is debugged. */
async function recall(device: Device, key: string): Promise<Loaded | null> {
  if (Number(environment.FOVEA_DEBUG ?? 0) >= 2) return null;
  const found = await device.recall?.(storedKey(key));
  if (!found) return null;
  const { program, executable, derived } = found;
  return {
    device,
    program,
    executable,
    derived: program.derived && derived ? new DerivedValues(device, program.derived, derived) : null,
  };
}

/** Loads a stored program, or compiles and stores it. */
async function recallOrBuild(device: Device, key: string, request: CompileRequest): Promise<Loaded> {
  const known = await recall(device, key);
  if (known) return known;
  const loaded = await build(device, request);
  await device.remember?.(storedKey(key), loaded.program);
  return loaded;
}

export class ProgramCache {
  /** Programs by device and key, least recently used first. */
  private readonly programs = new Map<string, Promise<Loaded>>();
  /** Numbers that distinguish devices of the same name. */
  private readonly devices = new WeakMap<Device, number>();
  private deviceCount = 0;

  get size(): number {
    return this.programs.size;
  }

  /** The program for a graph, compiled if its structure is new. */
  async programFor(device: Device, wanted: ProgramRequest): Promise<GraphProgram> {
    const { key: structure, leaves } = structureKey(wanted.outputs);
    const request = requestOf(wanted, leaves);
    const invariant = new Set(wanted.invariant);
    const invariantAt = leaves.flatMap((leaf, i) => (invariant.has(leaf) ? [i] : []));
    const key = `${device.name}\n${request.replaces.join()}\n${invariantAt.join()}\n${structure}`;
    const cacheKey = `${this.numberOf(device)} ${key}`;
    const loaded = this.programs.get(cacheKey) ?? recallOrBuild(device, key, request);
    // Moves the entry to the end of the order of use.
    this.programs.delete(cacheKey);
    this.programs.set(cacheKey, loaded);
    loaded.catch(() => this.programs.delete(cacheKey));
    const [oldest] = this.programs.keys();
    if (this.programs.size > MAX_PROGRAMS) this.programs.delete(oldest);
    return { loaded: await loaded, leaves, afterRun: () => {} };
  }

  private numberOf(device: Device): number {
    const known = this.devices.get(device) ?? this.deviceCount++;
    this.devices.set(device, known);
    return known;
  }
}

/**
 * A program that is compiled for one caller and reports every run to `probe`. It is not taken from the cache, whose
 * programs may carry the module paths of another model.
 */
export async function buildProbed(device: Device, wanted: ProgramRequest, probe: Probe): Promise<GraphProgram> {
  const { leaves } = structureKey(wanted.outputs);
  const loaded = await build(device, requestOf(wanted, leaves), true);
  return { loaded, leaves, afterRun: () => probe(loaded.program, loaded.executable.stepTimesMs()) };
}
