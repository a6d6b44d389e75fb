/**
 * Evaluation: computes a set of nodes into storage, and runs one compiled program. Within a context, computations run
 * in the order in which they were requested.
 */

import type { TypedArray } from "../ir/dtype.js";
import { type Node, topological } from "../ir/graph.js";
import { rebuild } from "../ops/index.js";
import { type Device, Storage } from "../runtime/index.js";
import type { Replacement } from "./cells.js";
import { type Context, contextOf } from "./context.js";
import { type PendingValue, related } from "./pending.js";
import { buildProbed, type GraphProgram, type Probe, type ProgramRequest } from "./program-cache.js";
import { type QueuedRun, realize, realizedLeaf, storageOf, valueStorage } from "./realized.js";

/** Replaces computed nodes in a graph by their leaves. */
function cutAtRealized(outputs: readonly Node[]): Node[] {
  const mapped = new Map<Node, Node>();
  for (const node of topological(outputs, (n) => realizedLeaf(n) !== undefined)) {
    const leaf = realizedLeaf(node);
    const inputs = () => node.inputs.map((x) => mapped.get(x) ?? x);
    mapped.set(node, leaf ?? rebuild(node, inputs()));
  }
  return outputs.map((node) => mapped.get(node) ?? node);
}

/** The program for a graph; with a probe, a timed one that describes the work of its kernels. */
export function programForGraph(
  context: Context,
  device: Device,
  wanted: ProgramRequest,
  probe?: Probe,
): Promise<GraphProgram> {
  const cut = { ...wanted, outputs: cutAtRealized(wanted.outputs) };
  return probe ? buildProbed(device, cut, probe) : context.programs.programFor(device, cut);
}

/**
 * Runs a program once, within a job of the context's queue. Its last outputs replace the values of cells: in place if
 * the program can and nothing else refers to the old value, else in new memory.
 *
 * @param results - storage for the first outputs
 * @param replacements - the cells for the other outputs
 */
export async function runProgram(
  context: Context,
  { loaded, leaves, afterRun }: GraphProgram,
  storageFor: (leaf: Node) => Storage,
  results: readonly Storage[],
  replacements: readonly Replacement[] = [],
): Promise<void> {
  const { device, program, executable, derived } = loaded;
  const inputs = leaves.map(storageFor);
  for (const storage of inputs) {
    const copying = storage.copyToDevice(device);
    if (copying) await copying;
  }
  const extra = derived ? await derived.valuesFor(inputs) : [];
  const written = replacements.map(({ before, exclusive, after }, i) => {
    const old = valueStorage(before);
    const place = program.inPlace[results.length + i];
    if (place !== null && exclusive) return old;
    const next = valueStorage(after);
    return next === old ? new Storage(next.dtype, next.elements) : next;
  });
  const buffersOf = (storages: readonly Storage[]) => storages.map((storage) => storage.on(device));
  const outputs = [...results, ...written];
  context.running = [...inputs, ...extra];
  try {
    await executable.submit(buffersOf(context.running), buffersOf(outputs));
  } finally {
    context.running = [];
  }
  for (const storage of outputs) storage.markWritten(device);
  replacements.forEach(({ after }, i) => {
    const next = valueStorage(after);
    if (next !== written[i]) next.moveFrom(written[i]);
  });
  afterRun();
}

async function compute(context: Context, device: Device, nodes: readonly Node[]): Promise<void> {
  const wanted = { outputs: nodes, replaced: nodes.map(() => null), invariant: [] };
  const graphProgram = await programForGraph(context, device, wanted);
  const results = graphProgram.loaded.program.outputs.map(({ dtype, elements }) => new Storage(dtype, elements));
  await runProgram(context, graphProgram, valueStorage, results);
  nodes.forEach((node, i) => {
    realize(node, results[i]);
  });
}

/**
 * Computes nodes and records the results, within a job of the context's queue; runs nothing if all are computed.
 * Pending values that share work with the nodes are computed in the same program.
 *
 * @param candidates - the pending values near the nodes, taken when these were requested
 */
export async function evaluateNow(
  context: Context,
  device: Device,
  nodes: readonly Node[],
  candidates: readonly PendingValue[],
): Promise<void> {
  const missing = [...new Set(nodes.filter((node) => !realizedLeaf(node)))];
  if (missing.length === 0) return;
  const along = related(missing, candidates);
  try {
    await compute(context, device, [...new Set([...missing, ...along.map(({ node }) => node)])]);
  } catch (error) {
    if (along.length === 0) throw error;
    // One of the pending values may have failed; its error belongs to its own readers, so only the nodes are retried.
    for (const value of along) value.remove();
    await compute(context, device, missing);
  }
  for (const value of candidates) if (realizedLeaf(value.node)) value.remove();
}

/** The present value of a node, after the queued run `writer` that computes it has ended. */
export function readValue(node: Node, writer: QueuedRun | null): Promise<TypedArray> {
  const leaf = realizedLeaf(node);
  const storage = leaf && storageOf(leaf);
  if (storage?.isFilled && writer === null) return storage.read();
  const context = contextOf(node);
  const device = context.device();
  const candidates = context.pending.near([node]);
  return context.inOrder(async () => {
    writer?.check();
    await evaluateNow(context, await device, [node], candidates);
    return valueStorage(node).read();
  });
}

/** Computes nodes, each in its context. */
export async function evaluate(nodes: readonly Node[], writers: readonly QueuedRun[]): Promise<void> {
  const byContext = new Map<Context, Node[]>();
  for (const node of nodes) {
    const context = contextOf(node);
    byContext.set(context, [...(byContext.get(context) ?? []), node]);
  }
  const jobs = [...byContext].map(([context, wanted]) => {
    const device = context.device();
    const candidates = context.pending.near(wanted);
    return context.inOrder(async () => {
      for (const writer of writers) writer.check();
      await evaluateNow(context, await device, wanted, candidates);
    });
  });
  await Promise.all(jobs);
}
