/** Kinds of arguments that only optimizers have: hyper-parameters, and parameters to train. */
import { Variable } from "../tensor/index.js";
import { callback, either, type Kind, range } from "../util/kinds.js";

const { POSITIVE_INFINITY } = Number;
const isFiniteNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** The kind of learning rates and weight decays. */
export const nonNegative: Kind = range(0, POSITIVE_INFINITY);
/** The kind of limits. */
export const positive: Kind = {
  name: "a finite number > 0",
  accepts: (value) => isFiniteNumber(value) && value > 0,
};
/** The kind of the share that a running average keeps. */
export const belowOne: Kind = {
  name: "a number ≥ 0 and < 1",
  accepts: (value) => isFiniteNumber(value) && value >= 0 && value < 1,
};

/** The kind of a number within the unit interval, without its ends. */
export const insideUnit: Kind = {
  name: "a number > 0 and < 1",
  accepts: (value) => isFiniteNumber(value) && value > 0 && value < 1,
};
/** The kind of a share of a whole. */
export const shareKind: Kind = range(0, 1);

/** The kind of a hyper-parameter: a number, or a schedule of numbers. */
export const hyper = (number: Kind): Kind => either(number, { ...callback, name: "a schedule" });
/** The kind of a pair, such as the decays of two averages. */
export const pairOf = (kind: Kind): Kind => ({
  name: `a pair, each ${kind.name}`,
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(kind.accepts),
});

/** The kind of parameters, or groups of them. Modules are functions, so a model is refused. */
export const paramsKind: Kind = {
  name: "parameters or groups of them",
  accepts: (value) =>
    typeof value === "object" && value !== null && Symbol.iterator in value && !(value instanceof Variable),
  meant: (value) => {
    if (value instanceof Variable) return "[parameter]";
    const hasParameters = (typeof value === "function" || typeof value === "object") && value && "parameters" in value;
    return hasParameters ? "model.parameters()" : undefined;
  },
};
