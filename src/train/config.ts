/**
 * The options of a training run, their defaults, and the configuration that is written to `config.json`. All input is
 * checked here, in one place. It must not know the command line or the file system.
 */
import { z } from "zod";
import { ConfigError, DataError } from "../util/errors.js";
import { modelNames } from "../vision/index.js";
import { optimizerNames, recipeNames } from "./recipes.js";
import { parseBytes, parseSize } from "./units.js";

/** A whole number, at least `from`. */
export const wholeNumber = (from: number) => {
  const error = ({ input }: { readonly input?: unknown }) =>
    `must be a whole number from ${from}, got ${String(input)}`;
  return z.int({ error }).min(from, { error });
};
const positive = (() => {
  const error = ({ input }: { readonly input?: unknown }) => `must be a number above 0, got ${String(input)}`;
  return z.number({ error }).gt(0, { error });
})();
const share = (() => {
  const error = ({ input }: { readonly input?: unknown }) => `must be a number from 0 to 1, got ${String(input)}`;
  return z.number({ error }).min(0, { error }).max(1, { error });
})();
const measured = (parse: (text: string | number) => unknown) =>
  z.union([z.string(), z.number()]).refine((value) => parse(value) !== undefined, {
    error: ({ input }) =>
      parse === parseSize
        ? `must be a number of pixels or HEIGHTxWIDTH, such as 224 or 160x224, got ${String(input)}`
        : `must be a number of bytes, such as 2GiB or 500MB, got ${String(input)}`,
  });
/** One of several names. */
export const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, { error: ({ input }) => `must be one of ${names.join(", ")}, got ${String(input)}` });

/** The devices that a run may name. */
export const deviceNames = ["native", "wasm", "interp"] as const;
/** The name of a device. */
export type DeviceName = (typeof deviceNames)[number];
/** The data sets that are known by name; any other is a folder. */
export const datasetNames = ["mnist", "fashion-mnist"] as const;

/**
 * The options of a training run. The metadata of each is what help and documents say of it: its meaning, the placeholder
 * of its value, and what is used if it is absent and has no constant default.
 */
export const trainOptionsSchema = z.strictObject({
  data: z
    .string()
    .min(1, "must be a data set or a folder")
    .meta({
      description: `${datasetNames.join(", ")}, a folder of class folders of images, or one of IDX files`,
    }),
  recipe: oneOf(recipeNames)
    .optional()
    .meta({ description: "values of all options that are left out", absent: "by data set" }),
  model: oneOf(modelNames).optional().meta({ description: "the network", absent: "by recipe" }),
  epochs: wholeNumber(1)
    .optional()
    .meta({ description: "times through the training images", value: "n", absent: "by recipe" }),
  batch: wholeNumber(1).optional().meta({ description: "images per step", value: "n", absent: "by recipe" }),
  lr: positive.optional().meta({ description: "largest learning rate", value: "x", absent: "by recipe or optimizer" }),
  optimizer: oneOf(optimizerNames).optional().meta({ description: "the optimizer", absent: "by recipe" }),
  crop: wholeNumber(0).optional().meta({
    description: "shift training images by up to n pixels, 0 for none",
    value: "n",
    absent: "by recipe",
  }),
  flip: share.optional().meta({
    description: "mirror training images with probability p, 0 for none",
    value: "p",
    absent: "by recipe",
  }),
  cutout: wholeNumber(0).optional().meta({
    description: "blank a random square of n pixels in each training image, 0 for none",
    value: "n",
    absent: "by recipe",
  }),
  seed: wholeNumber(0)
    .default(0)
    .meta({ description: "decides the split, the order and the initial weights", value: "n" }),
  device: oneOf(deviceNames)
    .optional()
    .meta({ description: "where to compute", absent: "native if there is a C compiler, else wasm" }),
  size: measured(parseSize).optional().meta({
    description: "resize images of a folder: 224, or 160x224 (height first)",
    value: "n",
    absent: "as they are",
  }),
  memory: measured(parseBytes).optional().meta({
    description: "pixels held in memory, such as 2GiB",
    value: "bytes",
    absent: "a quarter of the machine's",
  }),
  out: z
    .string()
    .min(1, "must be a folder")
    .optional()
    .meta({ description: "run folder", value: "dir", absent: "a new one in runs" }),
});

/** The options of a run as the user passes them; everything but the data has a default. */
export type TrainOptions = z.input<typeof trainOptionsSchema>;
/** {@link TrainOptions} after checking, names resolved. */
export type CheckedOptions = z.output<typeof trainOptionsSchema>;

const inputSchema = z
  .strictObject({
    /** Shape of one sample, [C, H, W]. */
    shape: z.tuple([wholeNumber(1), wholeNumber(1), wholeNumber(1)]),
    classes: z.array(z.string()).min(1),
    /** Scale and statistics of the training split: x = (pixel · scale − mean) / std, per channel. */
    scale: positive,
    mean: z.array(z.number()),
    std: z.array(positive),
  })
  .refine(({ shape, mean, std }) => shape[0] === mean.length && shape[0] === std.length, {
    error: ({ input }) => {
      const { shape, mean, std } = input as { shape: number[]; mean: number[]; std: number[] };
      return `has ${shape[0]} channels, ${mean.length} means and ${std.length} deviations`;
    },
  });

/** The schedule as a `ScheduleRow`; absent in older runs, which used cosine. */
const scheduleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("cosine") }),
  z.strictObject({ kind: z.literal("steps"), at: z.array(z.number()).readonly(), factor: z.number() }),
  z.strictObject({ kind: z.literal("cycle"), peak: z.number(), start: positive, end: positive }),
]);

const runConfigSchema = z.strictObject({
  format: z.literal(1, { error: ({ input }) => `is ${String(input)}, but this version of Fovea reads 1` }),
  data: z.strictObject({
    name: z.string(),
    /** The split of a data set; absent if training and test set came separately. */
    split: z.strictObject({ ratio: z.number(), seed: z.number() }).optional(),
    trainSamples: z.number(),
    testSamples: z.number(),
    /** Hash of all pixels and labels, by which a resumed run recognises its data; images of a folder have their own. */
    fingerprint: z.string().optional(),
    /** Settings by which the images of a folder were read; absent for other data. */
    folder: z
      .strictObject({
        /** Whether images were resized to `input.shape`; otherwise all of them have that size. */
        resize: z.boolean(),
        /** Number of files that could not be decoded. */
        skipped: z.number(),
        /** Number of files whose names do not end as those of images do. */
        ignored: z.number(),
        /** Hash of names and file sizes, by which a resumed run recognises its images. */
        fingerprint: z.string(),
      })
      .optional(),
  }),
  input: inputSchema,
  /** The recipe that the settings were taken from; the entries below are what was used. */
  recipe: oneOf(recipeNames).optional(),
  model: oneOf(modelNames),
  optimizer: oneOf(optimizerNames),
  lr: positive,
  momentum: z.number(),
  weightDecay: z.number(),
  nesterov: z.boolean().optional(),
  fixedNorm: z.boolean().optional(),
  rest: z.strictObject({ lr: positive, weightDecay: z.number() }).optional(),
  warmupEpochs: z.number(),
  schedule: scheduleSchema.optional(),
  augment: z.strictObject({
    rotation: z.number(),
    scale: z.number(),
    shift: z.number(),
    crop: z.number().optional(),
    cropMode: z.enum(["zero", "reflect"]).optional(),
    flip: z.number().optional(),
    cutout: z.number().optional(),
  }),
  labelSmoothing: z.number().optional(),
  /** Share of the averaged weights that each step keeps; absent if the run keeps no averages. */
  averageDecay: z.number().optional(),
  testFlip: z.boolean().optional(),
  epochs: wholeNumber(1),
  batch: wholeNumber(1),
  seed: wholeNumber(0),
  /** The device that the model was trained on; the weights fit every device. */
  device: z.string().min(1),
});

/** The resolved configuration of a run, as `config.json` holds it. */
export type RunConfig = z.output<typeof runConfigSchema>;

/**
 * Checks the options of a user.
 *
 * @throws ConfigError naming the option.
 */
export function checkOptions(options: unknown): CheckedOptions {
  const { data, error } = trainOptionsSchema.safeParse(options);
  if (error) throw new ConfigError(`[train] ${firstIssue(error)}`);
  return data;
}

/**
 * Checks the content of a `config.json`.
 *
 * @param path the name of the file in errors.
 * @throws DataError naming the entry that is wrong.
 */
export function parseRunConfig(text: string, path: string): RunConfig {
  const hint = "The run is damaged or from another version; train again";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`[run] ${path} is not JSON: ${(cause as Error).message}`, { hint, cause });
  }
  const { data, error } = runConfigSchema.safeParse(json);
  if (error) throw new DataError(`[run] ${path}: ${firstIssue(error)}`, { hint });
  return data;
}

function firstIssue(error: z.ZodError): string {
  const [{ path, message }] = error.issues;
  return path.length > 0 ? `${path.join(".")} ${message}` : message;
}
