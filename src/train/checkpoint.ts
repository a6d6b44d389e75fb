/**
 * A checkpoint as one safetensors file: the tensors of all parts of a run, and the position of the run in its metadata.
 * A checksum over both detects damage that the format itself does not reveal. It must not know what the parts are or
 * how they are restored.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type HostTensor, readSafetensors, writeSafetensors } from "../io/index.js";
import { DataError } from "../util/errors.js";

const format = "1";

const count = z.int().min(0);

const standingSchema = z.strictObject({
  /** Position and running sums of the training loop. */
  progress: z.strictObject({
    /** Number of finished epochs. */
    epoch: count,
    /** Number of finished steps, over all epochs. */
    step: count,
    stepsPerEpoch: count,
    /** Sums over the samples of the unfinished epoch. */
    sums: z.strictObject({ loss: z.number(), right: z.number(), count }),
    /** Mean loss of epoch 1; absent before its end. */
    firstLoss: z.number().optional(),
    /** Whether the warning about a rising loss has been sent. */
    warned: z.boolean(),
    seconds: z.strictObject({ run: z.number(), epoch: z.number() }),
    /** The properties of the device that determine rounding: vector lanes, registers, caches. */
    arithmetic: z.string(),
  }),
  /** Length of `metrics.jsonl` at the checkpoint. */
  metrics: z.strictObject({
    lines: count,
    stepsPerLine: count,
    /** Sums over the steps that are not yet written as a line. */
    window: z.strictObject({ count, loss: z.number(), accuracy: z.number() }),
  }),
  /** SHA-256 of `config.json`. */
  config: z.string(),
});

/** The position of a run at a checkpoint. */
type Standing = z.output<typeof standingSchema>;
/** Position and running sums of the training loop. */
export type Progress = Standing["progress"];

/** The content of a checkpoint. */
export interface Checkpoint extends Standing {
  /** Saved tensors by `part/key`. */
  readonly state: Readonly<Record<string, HostTensor>>;
}

/**
 * Writes a checkpoint, atomically.
 *
 * @throws DataError when the file cannot be written; the old one is then untouched.
 */
export async function writeCheckpoint(path: string, { state, ...standing }: Checkpoint): Promise<void> {
  const text = JSON.stringify(standing);
  await writeSafetensors(path, state, {
    metadata: { format, standing: text, sha256: digest(text, state) },
  });
}

/**
 * Reads a checkpoint.
 *
 * @throws DataError when it is missing, damaged, or of another format.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== format) {
    const found = metadata.format === undefined ? "no checkpoint" : `a checkpoint of format ${metadata.format}`;
    throw new DataError(`[run] ${path} is ${found}; this version of Fovea reads format ${format}`, {
      hint: "Resume with the version that started the run, or train again",
    });
  }
  const { standing: text = "", sha256 } = metadata;
  const standing = sha256 === digest(text, tensors) ? parse(text) : undefined;
  if (!standing) {
    throw new DataError(`[run] ${path} is damaged: its checksum does not fit its content`, {
      hint: "The model in model.safetensors may still be good; train again",
    });
  }
  return { ...standing, state: tensors };
}

function parse(text: string): Standing | undefined {
  return standingSchema.safeParse(JSON.parse(text)).data;
}

function digest(standing: string, state: Readonly<Record<string, HostTensor>>): string {
  const hash = createHash("sha256").update(standing);
  for (const key of Object.keys(state).sort()) {
    const { dtype, shape, data } = state[key];
    hash.update(`\n${key} ${dtype} ${shape.join()}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
