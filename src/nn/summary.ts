/**
 * The table of a model: its modules with the shapes of their outputs, parameters, work and memory. All of it is read off
 * the tree and the graph that the model builds; this file must not know any layer.
 */
import { buildOnly, bytesOf, multiplyAddsByPath } from "../tensor/flops.js";
import { Parameter, Tensor, type Variable, zeros } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { inspectKey } from "../util/inspect.js";
import { count, shape } from "../util/kinds.js";
import { currentScope } from "../util/scope.js";
import { observed } from "./calls.js";
import { shapeText } from "./checks.js";
import { moduleKind } from "./kinds.js";
import { type AnyModule, isMember, isModule, type Module } from "./module.js";
import { membersOf } from "./tree.js";

/** One module of a {@link Summary}. */
export interface SummaryRow {
  readonly path: string;
  /** The class. */
  readonly kind: string;
  /** How many modules are above this one. */
  readonly depth: number;
  /** The path under which the same module has its numbers; undefined if that is here. */
  readonly sameAs: string | undefined;
  /** Shape of the output of the last call; null if it was not called, or gives anything but a tensor. */
  readonly outputShape: readonly number[] | null;
  /** Bytes of the outputs of all calls. */
  readonly outputBytes: number;
  /** Values in the parameters that the module holds itself, those of modules above left out. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and matrix products outside of the modules below. */
  readonly multiplyAdds: number;
}

/** A model in numbers; as text it is a table. */
export interface Summary {
  readonly rows: readonly SummaryRow[];
  /** As `countParameters` counts them. */
  readonly parameters: number;
  /** Those of `parameters` that are not frozen. */
  readonly trainableParameters: number;
  /** As `countFlops` counts them. */
  readonly multiplyAdds: number;
  readonly inputBytes: number;
  /** Outputs of all modules without children: about what training keeps for the gradients. */
  readonly outputBytes: number;
  /** Parameters and buffers. */
  readonly stateBytes: number;
  toString(): string;
}

export interface SummaryOptions {
  /** Levels of modules below the model that have rows; deeper ones count for those above. Default all, range ≥ 0. */
  readonly depth?: number;
}

type Open<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What a model is made of, for inputs of a shape: path, kind, output shape, parameters, multiply-adds and memory of each
 * module, and the totals. Nothing is computed, and the model stays as it is; the pass is one of evaluation.
 *
 * @param inputShape shape of the input, `[N, C, H, W]`
 * @throws ShapeError if the model does not take such an input
 * @example
 * const { parameters, rows } = summary(new Sequential(new Flatten(), new Linear(8, 2)), [3, 2, 2, 2]);
 * rows.map(({ path, parameters }) => [path, parameters]); // [["", 0], ["0", 0], ["1", 18]]
 */
export const summary = checked(
  "summary",
  takes<SummaryOptions>({ model: moduleKind, inputShape: shape }, { depth: count(0) }),
  (model: Module, inputShape: readonly number[], options: SummaryOptions = {}): Summary => {
    const { depth = Number.POSITIVE_INFINITY } = options;
    const { rows, rowOf } = makeRows(model, depth);
    /** The row of a module path as errors have it, such as `model.layer1.0`. */
    const rowsByScope = new Map<string, Open<SummaryRow>>();
    let outputBytes = 0;
    const observe = (module: object, output: unknown) => {
      const row = rowOf.get(module);
      if (!row || !isModule(module)) return; // made within `forward`
      rowsByScope.set(currentScope(), row.row);
      if (!(output instanceof Tensor)) return;
      if (row.isLeaf) outputBytes += bytesOf(output);
      if (!row.isOwn) return;
      row.row.outputShape = output.shape;
      row.row.outputBytes += bytesOf(output);
    };
    const input = zeros(inputShape);
    const work = model.inMode("eval", () => multiplyAddsByPath(buildOnly(() => observed(observe, () => model(input)))));
    for (const [path, count] of work) {
      let scope = path;
      while (scope !== "" && !rowsByScope.has(scope)) scope = scope.slice(0, Math.max(0, scope.lastIndexOf(".")));
      (rowsByScope.get(scope) ?? rows[0]).multiplyAdds += count;
    }
    const cells = [...new Set(Object.values(model.stateDict()))];
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    const sizes = (variables: readonly Variable[]) => sum(variables.map(({ size }) => size));
    const result = {
      rows,
      parameters: sizes(model.parameters()),
      trainableParameters: sizes(model.parameters().filter(({ trainable }) => trainable)),
      multiplyAdds: sum(rows.map(({ multiplyAdds }) => multiplyAdds)),
      inputBytes: bytesOf(input),
      outputBytes,
      stateBytes: sum(cells.map(bytesOf)),
    };
    const show = { value: () => summaryText(result) };
    return Object.defineProperties(result, { toString: show, [inspectKey]: show });
  },
);

interface Place {
  readonly row: Open<SummaryRow>;
  /** Whether the row is of this module, and not of one above. */
  readonly isOwn: boolean;
  readonly isLeaf: boolean;
}

/** A row for each path down to a depth, without outputs and work, and the row in which each module counts. */
function makeRows(model: AnyModule, deepest: number) {
  const rows: Open<SummaryRow>[] = [];
  const rowOf = new Map<object, Place>();
  const counted = new Set<Parameter>();
  const visit = (module: AnyModule, path: string, depth: number, above: Open<SummaryRow> | undefined) => {
    const known = rowOf.get(module);
    const kind = module.constructor.name;
    const empty = { path, kind, depth, outputShape: null, outputBytes: 0, parameters: 0, multiplyAdds: 0 };
    let row = above;
    if (depth <= deepest || !row) {
      row = { ...empty, sameAs: known?.row.path };
      rows.push(row);
    }
    if (known) return;
    const members = membersOf(module, isMember);
    rowOf.set(module, { row, isOwn: depth <= deepest, isLeaf: !members.some(({ value }) => isModule(value)) });
    for (const { value } of members) {
      if (!(value instanceof Parameter) || counted.has(value)) continue;
      counted.add(value);
      row.parameters += value.size;
    }
    for (const { key, value } of members) {
      if (isModule(value)) visit(value, path === "" ? key : `${path}.${key}`, depth + 1, row);
    }
  };
  model.namedModules(); // finds circles
  visit(model, "", 0, undefined);
  return { rows, rowOf };
}

const number = new Intl.NumberFormat("en-US");

function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

function summaryText(summary: Omit<Summary, "toString">): string {
  const above: string[] = []; // the paths of the last rows of each depth
  const lines = summary.rows.map((row) => {
    const key = row.depth < 2 ? row.path : row.path.slice(above[row.depth - 1].length + 1);
    above[row.depth] = row.path;
    const name = `${"  ".repeat(row.depth)}${key === "" ? "" : `${key}: `}${row.kind}`;
    if (row.sameAs !== undefined) return [name, `= ${row.sameAs}`, "", "", ""];
    const shape = row.outputShape ? shapeText(row.outputShape) : "–";
    const [parameters, work] = [row.parameters, row.multiplyAdds].map((n) => (n === 0 ? "–" : number.format(n)));
    return [name, shape, parameters, work, row.outputShape ? bytesText(row.outputBytes) : "–"];
  });
  const table = [["module", "output", "parameters", "multiply-adds", "output memory"], ...lines];
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  const text = table.map((cells) =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  const frozen = summary.parameters - summary.trainableParameters;
  const rule = "─".repeat(Math.max(...text.map(({ length }) => length)));
  return [
    text[0],
    rule,
    ...text.slice(1),
    rule,
    `parameters ${number.format(summary.parameters)}, frozen ${number.format(frozen)}`,
    `multiply-adds ${number.format(summary.multiplyAdds)}`,
    `memory: input ${bytesText(summary.inputBytes)}, outputs ${bytesText(summary.outputBytes)}, ` +
      `parameters and buffers ${bytesText(summary.stateBytes)}`,
  ].join("\n");
}
