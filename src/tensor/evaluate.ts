/**
 * Evaluation: how a set of nodes becomes stored values, and how one compiled program is run. What is asked for is computed
 * in the order in which it was asked for, within each context.
 */

import type { TypedArray } from "../ir/dtype.js";
import { type Node, topological } from "../ir/graph.js";
import { rebuild } from "../ops/index.js";
import { type Device, Storage } from "../runtime/index.js";
import type { Replacement } from "./cells.js";
import { type Context, contextOf, currentContext } from "./context.js";
import { type Fitted, fitProbed, type Probe, type Wanted } from "./program-cache.js";
import { ownStorage, type Run, realize, realizedLeaf, storageOf } from "./realized.js";

/** The graph with everything already computed replaced by its leaf. */
function cutAtRealized(outputs: readonly Node[]): Node[] {
  const mapped = new Map<Node, Node>();
  for (const node of topological(outputs, (n) => realizedLeaf(n) !== undefined)) {
    const leaf = realizedLeaf(node);
    const inputs = () => node.inputs.map((x) => mapped.get(x) ?? x);
    mapped.set(node, leaf ?? rebuild(node, inputs()));
  }
  return outputs.map((node) => mapped.get(node) ?? node);
}

/** The program for a graph; with a probe, one that says what its kernels do, and that is timed. */
export function fitProgram(context: Context, device: Device, wanted: Wanted, probe?: Probe): Promise<Fitted> {
  const cut = { ...wanted, outputs: cutAtRealized(wanted.outputs) };
  return probe ? fitProbed(device, cut, probe) : context.programs.fit(device, cut);
}

/**
 * Runs a program once, within a job that runs in order. Its last outputs replace the values of cells: in place where the
 * program can and nobody else has the old value, else in memory of their own.
 *
 * @param results - for the first outputs
 * @param replacements - for the others
 */
export async function runProgram(
  context: Context,
  { loaded, leaves, ran }: Fitted,
  storageFor: (leaf: Node) => Storage,
  results: readonly Storage[],
  replacements: readonly Replacement[] = [],
): Promise<void> {
  const { device, program, executable, kept } = loaded;
  const inputs = leaves.map(storageFor);
  for (const storage of inputs) {
    const brought = storage.copyToDevice(device);
    if (brought) await brought;
  }
  const extra = kept ? await kept.of(inputs) : [];
  const written = replacements.map(({ before, own, after }, i) => {
    const old = ownStorage(before);
    const place = program.inPlace[results.length + i];
    if (place !== null && own) return old;
    const next = ownStorage(after);
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
    const next = ownStorage(after);
    if (next !== written[i]) next.moveFrom(written[i]);
  });
  ran();
}

async function compute(context: Context, device: Device, nodes: readonly Node[]): Promise<void> {
  const wanted = { outputs: nodes, replaced: nodes.map(() => null), lasting: [] };
  const fitted = await fitProgram(context, device, wanted);
  const results = fitted.loaded.program.outputs.map(({ dtype, elements }) => new Storage(dtype, elements));
  await runProgram(context, fitted, ownStorage, results);
  nodes.forEach((node, i) => {
    realize(node, results[i]);
  });
}

/**
 * Computes nodes and remembers the results, within a job that runs in order; runs nothing if all are known. Assigned values
 * of variables that share work with them are computed along.
 */
export async function evaluateNow(context: Context, device: Device, nodes: readonly Node[]): Promise<void> {
  const missing = [...new Set(nodes.filter((node) => !realizedLeaf(node)))];
  if (missing.length === 0) return;
  const related = context.pending?.related(missing) ?? [];
  if (related.length === 0) return compute(context, device, missing);
  try {
    await compute(context, device, [...missing, ...related]);
  } catch {
    // Whoever asks for those values gets their error; what was asked for here may have none.
    context.pending?.forget(related);
    await compute(context, device, missing);
  }
}

/** The value of a node as of now, once the run that it comes from has ended. */
export function readValue(node: Node, writer: Run | null): Promise<TypedArray> {
  const leaf = realizedLeaf(node);
  const storage = leaf && storageOf(leaf);
  if (storage?.isFilled && writer === null) return storage.read();
  const context = contextOf(node);
  const device = context.device();
  return context.inOrder(async () => {
    writer?.check();
    await evaluateNow(context, await device, [node]);
    return ownStorage(node).read();
  });
}

/** Computes nodes as of now, each in its context; with none given, everything that was assigned in the current one. */
export async function evaluate(nodes: readonly Node[], writers: readonly Run[]): Promise<void> {
  const current = currentContext();
  const byContext = new Map<Context, Node[]>();
  for (const node of nodes) {
    const context = contextOf(node);
    byContext.set(context, [...(byContext.get(context) ?? []), node]);
  }
  if (nodes.length === 0) byContext.set(current, current.pending?.nodes() ?? []);
  const jobs = [...byContext].map(([context, wanted]) => {
    const device = context.device();
    return context.inOrder(async () => {
      for (const writer of writers) writer.check();
      await evaluateNow(context, await device, wanted);
    });
  });
  await Promise.all(jobs);
}
