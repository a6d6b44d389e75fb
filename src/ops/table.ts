/**
 * The table of all structural records and the checked way to build nodes. Everything that must know every op is derived
 * from here and from `ir/scalar/`.
 */
import { type DType, isFloat } from "../ir/dtype.js";
import {
  type AttrsOf,
  createNode,
  formatShape,
  type Node,
  type OpName,
  type StructuralAttrs,
  type StructuralName,
  sameShape,
} from "../ir/graph.js";
import { isScalar, type ScalarName, scalarOps, scalarResult } from "../ir/scalar/index.js";
import { DTypeError, FoveaError, ShapeError } from "../util/errors.js";
import type { Origin } from "../util/scope.js";
import { attentionRecords } from "./attention.js";
import { bandRecords } from "./bands.js";
import { contractionRecords } from "./contraction.js";
import { factorizationRecords } from "./factorization.js";
import { gradientRecords } from "./gradients.js";
import { indexingRecords } from "./indexing.js";
import { movementRecords } from "./movement.js";
import type { Builder, StructuralRecord, Typed } from "./record.js";
import { reductionRecords } from "./reduction.js";
import { rowRecords } from "./rows.js";
import { scanRecords } from "./scan.js";
import { sourceRecords } from "./sources.js";
import { winogradRecords } from "./winograd.js";

type Records = { readonly [K in StructuralName]: StructuralRecord<K> };

const records: Records = {
  ...sourceRecords,
  ...movementRecords,
  ...reductionRecords,
  ...bandRecords,
  ...contractionRecords,
  ...attentionRecords,
  ...winogradRecords,
  ...indexingRecords,
  ...gradientRecords,
  ...scanRecords,
  ...rowRecords,
  ...factorizationRecords,
};

export const structuralNames = Object.keys(records) as readonly StructuralName[];

/** The record of a structural op. */
function recordOf<K extends StructuralName>(op: K): StructuralRecord<K> {
  return records[op];
}

/** Whether the node's op is a structural one, with attributes. */
export const isStructural = (node: Node): node is Node<StructuralName> => !isScalar(node.op);

/** The record of a node's op; null for scalar ops. */
export function structuralRecord(node: Node): StructuralRecord<StructuralName> | null {
  return isScalar(node.op) ? null : (records[node.op] as StructuralRecord<StructuralName>);
}

/** Number of multiply-adds of a contraction; 0 for other nodes. */
export const multiplyAddsOf = (node: Node): number =>
  isStructural(node) ? (structuralRecord(node)?.multiplyAdds?.(node) ?? 0) : 0;

function scalarNode(name: ScalarName, args: readonly Node[]): Node {
  const record = scalarOps[name];
  if (args.length !== record.arity)
    throw new FoveaError(`[${name}] takes ${record.arity} operands, got ${args.length}`);
  const shape = args[0].shape;
  if (args.some((x) => !sameShape(x.shape, shape))) {
    throw new ShapeError(`[${name}] operand shapes differ: ${args.map((x) => formatShape(x.shape)).join(", ")}`);
  }
  const values = name === "select" ? args.slice(1) : args;
  const dtype = values[0].dtype;
  if (values.some((x) => x.dtype !== dtype) || (name === "select" && args[0].dtype !== "bool")) {
    throw new DTypeError(`[${name}] operand dtypes do not fit: ${args.map((x) => x.dtype).join(", ")}`);
  }
  checkOperands(name, dtype);
  return createNode(
    name,
    args,
    {},
    shape,
    scalarResult(
      name,
      args.map((x) => x.dtype),
    ),
  );
}

function checkOperands(name: ScalarName, dtype: DType): void {
  const { operands } = scalarOps[name];
  const fits =
    operands === "any" ||
    (operands === "float" && isFloat(dtype)) ||
    (operands === "bool" && dtype === "bool") ||
    (operands === "int" && dtype === "i32") ||
    (operands === "number" && dtype !== "bool");
  if (!fits)
    throw new DTypeError(`[${name}] does not take ${dtype}`, { hint: `It takes ${operands}; convert with .to()` });
}

/** Builds checked graph nodes. */
export const graph: Builder = {
  constant: (value, like) => createNode("const", [], { value }, like.shape, like.dtype),
  typed: (value, dtype, like) => createNode("const", [], { value }, like.shape, dtype),
  op: (name, ...args) => scalarNode(name, args),
  cast: (x, dtype) => (x.dtype === dtype ? x : createNode("cast", [x], {}, x.shape, dtype)),
  unlikely: (test, rare, usual) => scalarNode("select", [test, rare, usual]),
  make<K extends StructuralName>(
    op: K,
    inputs: readonly Node[],
    attrs: StructuralAttrs[K],
    wanted: Partial<Typed> = {},
  ): Node {
    const { shape, dtype } = recordOf(op).type(inputs, attrs, wanted);
    return createNode<StructuralName>(op, inputs, attrs, shape, dtype);
  },
};

/** The same op on other inputs, or of another origin. */
export function rebuild(node: Node, inputs: readonly Node[], origin: Origin = node.origin): Node {
  if (origin === node.origin && inputs.every((x, i) => x === node.inputs[i])) return node;
  return createNode<OpName>(node.op, inputs, node.attrs as AttrsOf<OpName>, node.shape, node.dtype, origin);
}
