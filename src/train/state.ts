/**
 * The state of a run as named parts, each of which lists its own cells; reads all of them into host memory and restores
 * them. It must not know files, epochs, or what any part is.
 */
import type { HostTensor } from "../io/browser.js";
import type { AnyModule } from "../nn/index.js";
import { currentDevice, realize, type Tensor, type TypedArray, tensor, type Variable } from "../tensor/index.js";
import { variablesKind } from "../tensor/variable.js";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";

/** Saved values by key, with their shapes. */
export type SavedState = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: TypedArray }>>;

/** An object whose state is a dictionary of cells: a model, an optimizer, an average of weights. */
export interface Stateful {
  /** The live cells. */
  stateDict(): Readonly<Record<string, Variable>>;
  /** Writes saved values into the cells. */
  loadStateDict(state: SavedState): unknown;
}

/** All state that a checkpoint must hold for an exact resume, by name. Names have no slash. */
export type StateParts = Readonly<Record<string, Stateful>>;

/**
 * State for cells that belong to nothing with a `stateDict` of its own, such as the counters of random streams.
 *
 * @example
 * const crops = new Generator(0, { stream: "crops" });
 * const parts = { augmentation: cellState({ crops: crops.counter }) };
 */
export const cellState = checked(
  "cellState",
  takes({ cells: variablesKind }),
  (cells: Readonly<Record<string, Variable>>): Stateful => {
    return {
      stateDict: () => cells,
      loadStateDict(state) {
        for (const [key, cell] of Object.entries(cells)) cell.load(state[key].data);
      },
    };
  },
);

/** The counters of a model's random streams, which its state dict does not include. */
export function streamsOf(model: AnyModule): Stateful {
  return cellState(Object.fromEntries(model.namedGenerators().map(([key, { counter }]) => [key, counter])));
}

/**
 * Reads the values of all parts, by `part/key`. A device that computes f32 in float64 keeps more than 24 bits of an f32 cell;
 * its values are read as f64, so that no bits are lost.
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
 * Restores what {@link readState} returned. Keys and shapes are all compared before anything is written.
 *
 * @throws DataError naming the first key that is missing, unexpected or of another shape.
 */
export async function writeState(parts: StateParts, saved: Readonly<Record<string, HostTensor>>): Promise<void> {
  const cells = cellsOf(parts);
  const problem = misfit(cells, saved);
  if (problem) {
    throw new DataError(`[run] the checkpoint does not fit the run: ${problem}`, {
      hint: "Resume with the model, the optimizer and the version of Fovea that it was started with",
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
  await realize(...cells.values());
}

/**
 * The properties of the device that determine rounding, as text: equal texts give equal bits. The number of threads is
 * left out, because no sum depends on it.
 */
export async function arithmetic(): Promise<string> {
  const { threads: _, ...rest } = (await currentDevice()).target;
  return JSON.stringify(rest);
}

async function hasWide(): Promise<boolean> {
  return (await currentDevice()).target.widensFloats;
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
