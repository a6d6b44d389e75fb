/**
 * The table of a model: its modules with output shapes, parameters, multiply-adds and memory. They follow from the tree
 * and the graph that the model builds; this file must not know any layer.
 */
import { buildOnly, bytesOf, multiplyAddsByPath } from "../tensor/flops.js";
import { Parameter, Tensor, type Variable, zeros } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { alignColumns } from "../util/columns.js";
import { inspectKey } from "../util/inspect.js";
import { count, shape } from "../util/kinds.js";
import { currentScope } from "../util/scope.js";
import { shapeText } from "./checks.js";
import { moduleKind } from "./kinds.js";
import { observed } from "./module/calls.js";
import { membersOf } from "./module/members.js";
import { type AnyModule, isMember, isModule, type Module } from "./module.js";

/** One module of a {@link Summary}. */
export interface SummaryRow {
  readonly path: string;
  /** Name of the class. */
  readonly kind: string;
  /** Number of modules above this one. */
  readonly depth: number;
  /** The path of the row that has the numbers of the same module; undefined if this row has them. */
  readonly sameAs: string | undefined;
  /** Shape of the last call's output; null if the module was not called, or returned anything but a tensor. */
  readonly outputShape: readonly number[] | null;
  /** Size of the outputs of all calls in bytes. */
  readonly outputBytes: number;
  /** Number of values in the module's own parameters, without those that rows above count. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and matrix products in the module, without those of modules below. */
  readonly multiplyAdds: number;
}

/** The rows and totals of a model; converted to a string it is a table. */
export interface Summary {
  readonly rows: readonly SummaryRow[];
  /** Number of values in all parameters, as by `countParameters`. */
  readonly parameters: number;
  /** Number of values in parameters that are not frozen. */
  readonly trainableParameters: number;
  /** Multiply-adds of one forward pass, as by `countFlops`. */
  readonly multiplyAdds: number;
  readonly inputBytes: number;
  /** Size of the outputs of all modules without children: about the memory that training keeps for gradients. */
  readonly outputBytes: number;
  /** Size of parameters and buffers in bytes. */
  readonly stateBytes: number;
  toString(): string;
}

export interface SummaryOptions {
  /** Depth of the deepest rows; modules below count in the rows above. Default all, range ≥ 0. */
  readonly depth?: number;
}

type Open<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Summarises a model for an input shape: path, class, output shape, parameters, multiply-adds and memory of each
 * module, and the totals. Nothing is computed, and the model stays unchanged; the traced pass is one of evaluation.
 *
 * @param inputShape shape of the input, `[N, C, H, W]`
 * @throws ShapeError if the model does not accept such an input
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
    /** Rows by module path as in error messages, such as `model.layer1.0`. */
    const rowsByScope = new Map<string, Open<SummaryRow>>();
    let outputBytes = 0;
    const observe = (module: object, output: unknown) => {
      const row = rowOf.get(module);
      if (!row || !isModule(module)) return; // constructed within `forward`, so it has no row
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
  /** Whether the row is the module's own, rather than that of a module above. */
  readonly isOwn: boolean;
  readonly isLeaf: boolean;
}

/** Rows for each path down to a depth, without outputs and multiply-adds, and the row in which each module counts. */
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
  model.namedModules(); // throws if a module contains itself
  visit(model, "", 0, undefined);
  return { rows, rowOf };
}

/** `1234567` as `1,234,567`. */
const grouped = (value: number): string => value.toLocaleString("en-US");

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
    const [parameters, work] = [row.parameters, row.multiplyAdds].map((n) => (n === 0 ? "–" : grouped(n)));
    return [name, shape, parameters, work, row.outputShape ? bytesText(row.outputBytes) : "–"];
  });
  const table = [["module", "output", "parameters", "multiply-adds", "output memory"], ...lines];
  const text = alignColumns(table, 2);
  const frozen = summary.parameters - summary.trainableParameters;
  return [
    ...text,
    text[1],
    `parameters ${grouped(summary.parameters)}, frozen ${grouped(frozen)}`,
    `multiply-adds ${grouped(summary.multiplyAdds)}`,
    `memory: input ${bytesText(summary.inputBytes)}, outputs ${bytesText(summary.outputBytes)}, ` +
      `parameters and buffers ${bytesText(summary.stateBytes)}`,
  ].join("\n");
}
