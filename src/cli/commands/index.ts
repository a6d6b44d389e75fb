/**
 * The registry of commands: one row for each. A command's file, and all that it imports, is loaded when it is named.
 */
import type { Command } from "../command.js";

/** One command of the registry. */
export interface CommandRow {
  readonly name: string;
  /** One line of the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** The commands in the order of help and documents. */
export const commands: readonly CommandRow[] = [
  {
    name: "train",
    summary: "train a model and save it in a run folder",
    load: async () => (await import("./train.js")).train,
  },
  { name: "predict", summary: "classify images", load: async () => (await import("./predict.js")).predict },
  {
    name: "evaluate",
    summary: "score a trained model on the test part of a data set",
    load: async () => (await import("./evaluate.js")).evaluate,
  },
  {
    name: "devices",
    summary: "show what this machine offers: compiler, SIMD width, cores, cache folder",
    load: async () => (await import("./devices.js")).devices,
  },
  {
    name: "profile",
    summary: "show where the time of a step goes, layer by layer, against what the machine can do",
    load: async () => (await import("./profile.js")).profile,
  },
];
