/**
 * The session: which device computes, which programs it has, and how a set of nodes becomes stored values. Programs are
 * cached by the structure of the graph, so that rebuilding the same expression costs no compilation.
 */
import { compileGraph, structureKey } from "../compiler/index.js";
import { createLeaf, type Node, type Shape, topological } from "../ir/graph.js";
import type { Kernel } from "../ir/loops.js";
import type { KernelLabel, Program } from "../ir/program.js";
import { rebuild } from "../ops/index.js";
import { type Device, type Executable, Storage } from "../runtime/index.js";
import { DeviceError, UnavailableError } from "../util/errors.js";
import { environment } from "../util/host.js";
import { traceStage } from "./debug.js";
import { Kept } from "./kept.js";

type Opener = () => Promise<Device>;

interface Registered {
  readonly open: Opener;
  /** What it costs to use it where an earlier one is missing; null if it never steps in by itself. */
  readonly standsInAt: string | null;
}

const registered = new Map<string, Registered>();
const opened = new Map<string, Promise<Device>>();
let chosen: string | null = null;
let chosenByItself: Promise<Device> | null = null;

/**
 * Makes a device known under a name; it is opened when first used. The first that is registered is the default.
 *
 * @param options.standsInAt what it costs to use this device where the ones before it are not available; it then steps
 * in by itself and says so once. Default: it never does.
 * @example
 * registerDevice("mine", () => currentDevice());
 */
export function registerDevice(name: string, open: Opener, options: { readonly standsInAt?: string } = {}): void {
  registered.set(name, { open, standsInAt: options.standsInAt ?? null });
  chosenByItself = null;
}

/**
 * Chooses the device on which everything from now on is computed.
 *
 * @throws DeviceError if the device is unknown or cannot be opened
 * @example
 * await useDevice("interp");
 */
export async function useDevice(name: string): Promise<void> {
  await open(name);
  chosen = name;
}

function open(name: string): Promise<Device> {
  const entry = registered.get(name);
  if (!entry) {
    throw new DeviceError(`unknown device "${name}"`, { hint: `Choose one of ${[...registered.keys()].join(", ")}` });
  }
  const known = opened.get(name) ?? entry.open();
  opened.set(name, known);
  known.catch(() => opened.delete(name));
  return known;
}

/** The first device; where it is not available, the next that stands in for it, with a warning. */
async function openFirst(): Promise<Device> {
  let missing: UnavailableError | null = null;
  for (const [name, { standsInAt }] of registered) {
    if (missing && standsInAt === null) continue;
    try {
      const device = await open(name);
      if (missing) {
        const hint = missing.hint ? `. ${missing.hint}` : "";
        console.warn(`[fovea] ${missing.message}: using ${name} instead, which is ${standsInAt}${hint}`);
      }
      return device;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      missing ??= error;
    }
  }
  throw missing ?? new DeviceError("no device is registered", { hint: 'Import "fovea" first' });
}

/**
 * The device in use: the one given to {@link useDevice}, or named by the environment variable FOVEA_DEVICE, or the first
 * that this machine has what it takes for.
 *
 * @throws DeviceError if it cannot be opened
 * @example
 * const { name, target } = await currentDevice();
 */
export async function currentDevice(): Promise<Device> {
  const wanted = chosen ?? environment.FOVEA_DEVICE;
  if (wanted) return open(wanted);
  if (!chosenByItself) {
    chosenByItself = openFirst();
    chosenByItself.catch(() => {
      chosenByItself = null;
    });
  }
  return chosenByItself;
}

const realized = new WeakMap<Node, Node>();

/** A leaf node over storage. */
export const leafOf = (storage: Storage, shape: Shape): Node => createLeaf(shape, storage.dtype, storage);

export const storageOf = ({ held }: Node): Storage | undefined => (held instanceof Storage ? held : undefined);
/** The leaf that holds the value of a node, if it was computed before. */
export const realizedLeaf = (node: Node): Node | undefined => (node.op === "leaf" ? node : realized.get(node));

/** The graph with everything already computed replaced by its leaf. */
function cutAtRealized(outputs: readonly Node[]): Node[] {
  const mapped = new Map<Node, Node>();
  for (const node of topological(outputs, (n) => realized.has(n))) {
    const leaf = realized.get(node);
    mapped.set(
      node,
      leaf ??
        rebuild(
          node,
          node.inputs.map((x) => mapped.get(x) ?? x),
        ),
    );
  }
  return outputs.map((node) => mapped.get(node) ?? node);
}

interface Ready<K extends KernelLabel = KernelLabel> {
  readonly program: Program<K>;
  readonly executable: Executable;
  readonly kept: Kept | null;
}
const programs = new Map<string, Promise<Ready>>();
/** Whether what the compiler makes is verified after every pass; tests do. */
const verify = environment.FOVEA_VERIFY === "1";
const PROGRAMS_KEPT = 512;

async function build(
  device: Device,
  outputs: readonly Node[],
  leaves: readonly Node[],
  replaces: readonly (number | null)[],
  lasting: readonly Node[],
  probed = false,
): Promise<Ready<Kernel>> {
  const { target } = device;
  const request = { outputs, leaves, replaces, lasting, target, trace: traceStage, verify, describe: probed };
  const program = compileGraph(request);
  const kept = program.kept ? new Kept(device, program.kept, await device.prepare(program.kept)) : null;
  return { program, executable: await device.prepare(program, probed ? { timed: true } : {}), kept };
}

/**
 * The program as an earlier process made it, if the device remembers: not where somebody wants to see the compiler at
 * work.
 */
async function recall(device: Device, key: string): Promise<Ready | null> {
  if (verify || Number(environment.FOVEA_DEBUG ?? 0) >= 2) return null;
  const found = await device.recall?.(key);
  if (!found) return null;
  const { program, executable, kept } = found;
  return { program, executable, kept: program.kept && kept ? new Kept(device, program.kept, kept) : null };
}

/** Compiles what no process has compiled before, and has it remembered. */
async function recallOrBuild(key: string, ...request: Parameters<typeof build>): Promise<Ready> {
  const [device] = request;
  const known = await recall(device, key);
  if (known) return known;
  const ready = await build(...request);
  if (!verify) await device.remember?.(key, ready.program);
  return ready;
}

/** Is told of every run of a program that was compiled for it. */
export type Probe = (program: Program, stepTimesMs: readonly number[]) => void;

/**
 * A program for one caller alone, who is told of every run: one from the cache may be labelled with another model's
 * modules.
 */
async function buildProbed(
  device: Device,
  outputs: readonly Node[],
  replaced: readonly (Node | null)[],
  lasting: readonly Node[],
  probe: Probe,
) {
  const { leaves } = structureKey(outputs);
  const ready = await build(device, outputs, leaves, replacesOf(replaced, leaves), lasting, true);
  return { ...ready, leaves, ran: () => probe(ready.program, ready.executable.stepTimesMs()) };
}

const replacesOf = (replaced: readonly (Node | null)[], leaves: readonly Node[]) =>
  replaced.map((leaf) => (leaf && leaves.includes(leaf) ? leaves.indexOf(leaf) : null));

/** The compiled program of a graph, from the cache if its structure is known. */
async function programOf(
  device: Device,
  outputs: readonly Node[],
  replaced: readonly (Node | null)[],
  lasting: readonly Node[],
) {
  const { key: structure, leaves } = structureKey(outputs);
  const replaces = replacesOf(replaced, leaves);
  const lastingAt = leaves.flatMap((leaf, i) => (lasting.includes(leaf) ? [i] : []));
  const key = `${device.name}\n${replaces.join()}\n${lastingAt.join()}\n${structure}`;
  let ready = programs.get(key);
  if (!ready) {
    ready = recallOrBuild(key, device, outputs, leaves, replaces, lasting);
    programs.set(key, ready);
    ready.catch(() => programs.delete(key));
    const [oldest] = programs.keys();
    if (programs.size > PROGRAMS_KEPT) programs.delete(oldest);
  }
  return { ...(await ready), leaves, ran: () => {} };
}

/**
 * How many programs have been compiled and kept; tests assert that it stops growing.
 *
 * @example
 * const before = programCount();
 */
export const programCount = (): number => programs.size;

let tail: Promise<unknown> = Promise.resolve();

/** Runs jobs one after the other, in the order in which they were asked for. */
export function inOrder<T>(job: () => Promise<T>): Promise<T> {
  const result = tail.then(job, job);
  tail = result.catch(() => undefined);
  return result;
}

/** A run of a program to come. */
interface Run {
  /** What it will fill. */
  readonly results: readonly Storage[];
  readonly execute: () => Promise<void>;
}

export interface Bound {
  /**
   * Gets ready to run once: each output has storage of its own, or takes over that of the leaf it replaces unless that is
   * `held`.
   */
  ready(storageFor: (leaf: Node) => Storage, held?: readonly Node[]): Run;
}

/**
 * A program for `outputs`; `replaced[i]` is the leaf whose storage output i may take over. What depends on `lasting`
 * leaves alone is computed again only when one of them has changed. With a probe, it says what its kernels do, and they
 * are timed.
 */
export async function bindProgram(
  outputs: readonly Node[],
  replaced: readonly (Node | null)[],
  lasting: readonly Node[] = [],
  probe?: Probe,
): Promise<Bound> {
  const device = await currentDevice();
  const cut = cutAtRealized(outputs);
  const { program, executable, kept, leaves, ran } = probe
    ? await buildProbed(device, cut, replaced, lasting, probe)
    : await programOf(device, cut, replaced, lasting);
  return {
    ready: (storageFor, held = []) => {
      const inputs = leaves.map(storageFor);
      const replaced: Storage[] = [];
      const results = program.outputs.map(({ dtype, elements }, i) => {
        const leaf = program.inPlace[i];
        if (leaf === null || held.includes(leaves[leaf])) return new Storage(dtype, elements);
        replaced.push(inputs[leaf]);
        return inputs[leaf];
      });
      const buffersOf = (storages: readonly Storage[]) => storages.map((storage) => storage.on(device));
      const [given, made] = [buffersOf(inputs), buffersOf(results)];
      const execute = async () => {
        await executable.run(kept ? [...given, ...buffersOf(await kept.of(inputs))] : given, made);
        for (const storage of replaced) storage.touch();
        ran();
      };
      return { results, execute };
    },
  };
}

/** Storage of a leaf that belongs to no program input. */
export function ownStorage(leaf: Node): Storage {
  const storage = storageOf(leaf);
  if (!storage)
    throw new DeviceError("a value made while a compiled function was traced was used after the trace", {
      hint: "Return it from the compiled function",
    });
  return storage;
}

/** Computes nodes and remembers the results, within a job that runs in order; runs nothing if all are known. */
export async function evaluateNow(nodes: readonly Node[]): Promise<void> {
  const pending = [...new Set(nodes.filter((node) => !realizedLeaf(node)))];
  if (pending.length === 0) return;
  const { ready } = await bindProgram(
    pending,
    pending.map(() => null),
  );
  const { results, execute } = ready(ownStorage);
  await execute();
  pending.forEach((node, i) => {
    realized.set(node, leafOf(results[i], node.shape));
  });
}

/** Computes nodes and remembers the results, when all jobs before have ended. */
export const evaluate = (nodes: () => readonly Node[]): Promise<void> => inOrder(() => evaluateNow(nodes()));
