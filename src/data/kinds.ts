/** Kinds of arguments that functions of data sets share. */
import { indices, type Kind, list, number, shaped, text, word } from "../util/kinds.js";

const anyFunction: Kind = { name: "a function", accepts: (value) => typeof value === "function" };

export const roleKind: Kind = word(["all", "train", "validation", "test"]);
export const sampleShapeKind: Kind = {
  name: "[channels, height, width]",
  accepts: (value) => indices.accepts(value) && (value as readonly number[]).length === 3,
};
export const classesKind: Kind = list(text, "an array of class names");
export const datasetKind: Kind = shaped("a data set", {
  length: number,
  sampleShape: sampleShapeKind,
  classes: { name: "class names", accepts: Array.isArray },
  batch: anyFunction,
});
export const standardisationKind: Kind = shaped("{ mean, std } with a number for each channel", {
  mean: list(number, "an array of numbers"),
  std: list(number, "an array of numbers"),
});
