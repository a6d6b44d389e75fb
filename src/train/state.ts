/**
 * The state of a run as parts by name, each of which knows its own cells: reading all of it into host memory and putting
 * it back. It must not know files, epochs, or what any part is.
 */
import type { HostTensor } from "../io/browser.js";
import type { AnyModule } from "../nn/index.js";
import { currentDevice, realize, type Tensor, type TypedArray, tensor, type Variable } from "../tensor/index.js";
import { DataError } from "../util/errors.js";

/** Values by key, as files hold them. */
export type SavedState = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: TypedArray }>>;

/** Something whose state is cells by key: a model, an optimizer, an average of weights. */
export interface Stateful {
  /** The live cells. */
  stateDict(): Readonly<Record<string, Variable>>;
  /** Puts saved values back. */
  loadStateDict(state: SavedState): unknown;
}

/** All that a run must save to go on exactly, by name. Names have no slash. */
export type StateParts = Readonly<Record<string, Stateful>>;

/**
 * State for cells that belong to nothing with a `stateDict` of its own, such as the counters of random streams.
 *
 * @example
 * const crops = new Generator(0, "crops");
 * const parts = { augmentation: cellState({ crops: crops.counter }) };
 */
export function cellState(cells: Readonly<Record<string, Variable>>): Stateful {
  return {
    stateDict: () => cells,
    loadStateDict(state) {
      for (const [key, cell] of Object.entries(cells)) cell.load(state[key].data);
    },
  };
}

/** The random streams of a model, which its own state dict leaves out. */
export function streamsOf(model: AnyModule): Stateful {
  return cellState(Object.fromEntries(model.namedGenerators().map(([key, { counter }]) => [key, counter])));
}

/**
 * The values of all parts, by `part/key`. A device that has f64 may keep more digits of an f32 than 24 bits: then the
 * value is an f64, so that nothing is lost.
 */
export async function readState(parts: StateParts): Promise<Record<string, HostTensor>> {
  const wide = await hasWide();
  const cells = cellsOf(parts);
  const tensors = [...cells.values()].map((cell): Tensor => (wide && cell.dtype === "f32" ? cell.to("f64") : cell));
  await realize(...tensors);
  const values = await Promise.all(tensors.map((value) => value.data()));
  const entries = [...cells.keys()].map((key, i): [string, HostTensor] => {
    const { dtype, shape } = tensors[i];
    return [key, { dtype, shape, data: values[i] }];
  });
  return Object.fromEntries(entries);
}

/**
 * Puts back what {@link readState} gave. Everything is compared before anything is written.
 *
 * @throws DataError naming the first key that is missing, unexpected or of another shape.
 */
export async function writeState(parts: StateParts, saved: Readonly<Record<string, HostTensor>>): Promise<void> {
  const cells = cellsOf(parts);
  const problem = misfit(cells, saved);
  if (problem) {
    throw new DataError(`[run] the checkpoint does not fit the run: ${problem}`, {
      hint: "Go on with the model, the optimizer and the version of Fovea that it was begun with",
    });
  }
  for (const [name, part] of Object.entries(parts)) {
    const own = Object.entries(saved).filter(([key]) => key.startsWith(`${name}/`));
    part.loadStateDict(Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1), value])));
  }
  if (!(await hasWide())) return;
  for (const [key, cell] of cells) {
    const { dtype, shape, data } = saved[key];
    if (dtype === "f64" && cell.dtype === "f32") cell.assign(tensor(data as Float64Array, { shape, dtype }));
  }
  await realize();
}

/** What shapes rounding, as text: equal texts give equal bits. Threads share work out and change no number. */
export async function arithmetic(): Promise<string> {
  const { threads: _, ...rest } = (await currentDevice()).target;
  return JSON.stringify(rest);
}

async function hasWide(): Promise<boolean> {
  return (await currentDevice()).target.dtypes.includes("f64");
}

function cellsOf(parts: StateParts): Map<string, Variable> {
  const named = Object.entries(parts).flatMap(([name, part]) =>
    Object.entries(part.stateDict()).map(([key, cell]): [string, Variable] => [`${name}/${key}`, cell]),
  );
  return new Map(named);
}

function misfit(cells: ReadonlyMap<string, Variable>, saved: Readonly<Record<string, HostTensor>>): string | undefined {
  for (const [key, { shape }] of cells) {
    if (!Object.hasOwn(saved, key)) return `it lacks ${key}`;
    const got = saved[key].shape;
    if (String(got) !== String(shape)) return `${key} is [${got.join(", ")}], the run's is [${shape.join(", ")}]`;
  }
  const unexpected = Object.keys(saved).find((key) => !cells.has(key));
  return unexpected && `the run has no ${unexpected}`;
}
