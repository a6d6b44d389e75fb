/**
 * The folder of a run: `config.json` (resolved configuration), `metrics.jsonl` (one event per line),
 * `model.safetensors` (the last good weights), until the run is done `checkpoint.safetensors` (the state that resuming
 * needs) and, if images were left out, `skipped.jsonl`. Every file is replaced atomically, so that no reader and no
 * kill leaves a partial file. It must not know how models are trained.
 */
import { createHash } from "node:crypto";
import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SkippedFile } from "../data/index.js";
import {
  type HostTensor,
  makeFolder,
  readFileBytes,
  readSafetensors,
  writeFileAtomic,
  writeSafetensors,
} from "../io/index.js";
import type { AnyModule, Module } from "../nn/index.js";
import { realize } from "../tensor/index.js";
import { checked, takes } from "../util/arguments.js";
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { text } from "../util/kinds.js";
import { type Checkpoint, type Progress, readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { parseRunConfig, type RunConfig } from "./config.js";
import type { Position, TrainEvent } from "./events.js";
import { modelOf } from "./models.js";

const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  model: "model.safetensors",
  checkpoint: "checkpoint.safetensors",
  skipped: "skipped.jsonl",
} as const;

/** Temporary files that a killed process left behind. */
const leftover = /^\.(config\.json|metrics\.jsonl|(model|checkpoint)\.safetensors)\.\d+\.[0-9a-f]+\.tmp$/;

/**
 * Maximum number of lines per epoch in `metrics.jsonl`; the loss of a line is the mean over the steps it stands for.
 */
const linesPerEpoch = 100;

/** Anything that can be saved: a model, or an object with the same state, such as averages of its weights. */
type Saved = Pick<AnyModule, "stateDict">;

/**
 * The folder of a run while it is written.
 *
 * @example
 * const run = await RunFolder.create("runs/first", config);
 */
export class RunFolder {
  readonly path: string;
  readonly #madeFolder: boolean;
  readonly #config: string;
  #lines: string[] = [];
  /** Whether some lines are not on disk yet: a run that is opened and fails at once must change nothing. */
  #changed = false;
  #window: { count: number; loss: number; accuracy: number } = { count: 0, loss: 0, accuracy: 0 };
  #stepsPerLine = 1;
  #checkpoint: Checkpoint | undefined;

  private constructor(path: string, config: string, madeFolder: boolean) {
    this.path = path;
    this.#config = config;
    this.#madeFolder = madeFolder;
  }

  /**
   * Makes the folder and writes `config.json`.
   *
   * @throws ConfigError if the folder already holds a run; DataError if it cannot be made or written.
   */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const madeFolder = await makeFolder(path);
    const there = madeFolder ? [] : await readdir(path);
    const taken = new ConfigError(`[run] ${path} already holds a run`, { hint: "Choose another folder" });
    if (Object.values(files).some((name) => there.includes(name))) throw taken;
    const text = `${JSON.stringify(config, null, 2)}\n`;
    const run = new RunFolder(path, sha256(text), madeFolder);
    try {
      await writeFileAtomic(join(path, files.config), text, { exclusive: true });
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw taken; // another process wrote it first
      if (madeFolder) await rmdir(path).catch(() => undefined);
      throw error;
    }
    return run;
  }

  /**
   * Opens the folder of a stopped run to resume it from its checkpoint: pass it to `fit` with the same model,
   * optimizer, data and schedule. Metrics recorded after the checkpoint are dropped when the next line is written.
   *
   * @throws ConfigError if the run is finished; DataError if there is no checkpoint, or a file is damaged.
   * @example
   * const batches = new DataLoader(train, { batchSize: 16 });
   * const common = { model, optimizer, train: batches, epochs: 2 };
   * const run = await RunFolder.create("runs/a", config);
   * await fit({ ...common, run, signal: AbortSignal.timeout(1) });
   * await fit({ ...common, run: await RunFolder.resume("runs/a") });
   */
  static async resume(path: string): Promise<RunFolder> {
    const { config, checkpoint, lines } = await readStopped(path);
    const run = new RunFolder(path, config, false);
    run.#lines = lines;
    run.#window = checkpoint.metrics.window;
    run.#stepsPerLine = checkpoint.metrics.stepsPerLine;
    run.#checkpoint = checkpoint;
    for (const name of await readdir(path)) {
      if (leftover.test(name)) await rm(join(path, name), { force: true });
    }
    return run;
  }

  /** Returns the checkpoint to resume from, once: afterwards, and for a new run, undefined. */
  takeCheckpoint(): Checkpoint | undefined {
    const checkpoint = this.#checkpoint;
    this.#checkpoint = undefined;
    return checkpoint;
  }

  /** Adds an event to the metrics; they are written by the next {@link flush}. */
  record(event: TrainEvent): void {
    if (event.event === "start" && event.from) return; // the start of the first session is in the metrics already
    this.#changed = true;
    if (event.event === "start") this.#stepsPerLine = Math.ceil(event.stepsPerEpoch / linesPerEpoch);
    if (event.event !== "step") {
      this.#lines.push(JSON.stringify(event));
      return;
    }
    const { step, epoch, lr, loss, accuracy } = event;
    const window = this.#window;
    window.count++;
    window.loss += loss;
    window.accuracy += accuracy;
    if (window.count < this.#stepsPerLine) return;
    const mean = { loss: window.loss / window.count, accuracy: window.accuracy / window.count };
    this.#lines.push(JSON.stringify({ event: "step", epoch, step, ...mean, lr }));
    this.#window = { count: 0, loss: 0, accuracy: 0 };
  }

  /** Writes `skipped.jsonl`, a line for each file that could not be decoded. */
  async writeSkipped(skipped: readonly SkippedFile[]): Promise<void> {
    await writeFileAtomic(join(this.path, files.skipped), skipped.map((file) => `${JSON.stringify(file)}\n`).join(""));
  }

  /** Writes `metrics.jsonl` if it has changed. */
  async flush(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await writeFileAtomic(join(this.path, files.metrics), this.#lines.map((line) => `${line}\n`).join(""));
  }

  /**
   * Writes `model.safetensors`, unless a value in it is not finite: then the file of the last good state stays.
   *
   * @returns its path.
   * @throws NumericError if a value is NaN or infinite; DataError if the file cannot be written.
   */
  async save(model: Saved, { epoch, step }: Position): Promise<string> {
    const path = join(this.path, files.model);
    await writeSafetensors(path, await hostState(model, step), {
      metadata: { epoch: String(epoch), step: String(step) },
    });
    return path;
  }

  /**
   * Writes `metrics.jsonl` and `checkpoint.safetensors`, which {@link resume} reads.
   *
   * @throws DataError if a file cannot be written; the previous checkpoint then stays valid.
   */
  async saveCheckpoint(state: Checkpoint["state"], progress: Progress): Promise<void> {
    // The metrics are written first: a checkpoint must never count lines that are not on disk.
    await this.flush();
    const metrics = { lines: this.#lines.length, stepsPerLine: this.#stepsPerLine, window: { ...this.#window } };
    await writeCheckpoint(join(this.path, files.checkpoint), { state, progress, metrics, config: this.#config });
  }

  /** Writes the metrics of a finished run and removes its checkpoint, which is no longer needed. */
  async finish(): Promise<void> {
    await this.flush();
    await rm(join(this.path, files.checkpoint), { force: true });
  }

  /** Removes the files that this run wrote; called if the run failed before it produced anything worth keeping. */
  async discard(): Promise<void> {
    for (const name of Object.values(files)) await rm(join(this.path, name), { force: true });
    // fails if the user put files there: then it stays
    if (this.#madeFolder) await rmdir(this.path).catch(() => undefined);
  }
}

/** A folder name that no other run has, such as `runs/mnist-cnn-20261121-105320`. */
export function defaultRunName(data: string, model: string, now: Date = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join("runs", `${basename(data)}-${model}-${day}-${time}`);
}

/**
 * Reads the configuration of a run.
 *
 * @throws DataError if the folder is no run, or its `config.json` is damaged.
 */
export const readRunConfig = checked(
  "readRunConfig",
  takes({ path: text }),
  async (path: string): Promise<RunConfig> => {
    const configPath = join(path, files.config);
    const bytes = await readFileBytes(configPath).catch((cause: unknown) => {
      const hint = "Pass the folder that fovea train has printed";
      throw new DataError(`[run] ${path} is not a run folder: there is no ${files.config} in it`, { hint, cause });
    });
    return parseRunConfig(new TextDecoder().decode(bytes), configPath);
  },
);

/** The files of a stopped run that resuming needs, checked as far as the files alone allow. */
interface Stopped {
  readonly checkpoint: Checkpoint;
  /** The lines of the metrics up to the checkpoint. */
  readonly lines: string[];
  /** SHA-256 of `config.json`. */
  readonly config: string;
}

/**
 * Reads the folder of a run that was stopped.
 *
 * @throws ConfigError if the run is finished; DataError if there is no checkpoint, or a file is damaged.
 */
export async function readStopped(path: string): Promise<Stopped> {
  const { epochs } = await readRunConfig(path);
  const [lines, names] = [await readLines(join(path, files.metrics)), await readdir(path)];
  if (isFinished(lines.at(-1))) {
    throw new ConfigError(
      `[run] ${path} is finished: ${epochs === 1 ? "its epoch is" : `all ${epochs} epochs are`} done`,
      {
        hint: "For more epochs, train again: the learning rate is planned over the whole run",
      },
    );
  }
  if (!names.includes(files.checkpoint)) {
    throw new DataError(`[run] ${path} cannot be resumed: there is no ${files.checkpoint} in it`, {
      hint: "Train again",
    });
  }
  const checkpoint = await readCheckpoint(join(path, files.checkpoint));
  const config = sha256(new TextDecoder().decode(await readFileBytes(join(path, files.config))));
  if (config !== checkpoint.config) {
    const problem = `${join(path, files.config)} has been changed since the checkpoint was taken`;
    throw new DataError(`[run] ${problem}`, { hint: "Restore it, or train a new run with other settings" });
  }
  const needed = checkpoint.metrics.lines;
  if (lines.length < needed) {
    const problem = `${join(path, files.metrics)} has ${lines.length} lines, but ${needed} when the checkpoint was taken`;
    throw new DataError(`[run] ${problem}`, { hint: "Restore it, or train again" });
  }
  return { checkpoint, lines: lines.slice(0, needed), config };
}

/**
 * Reads a finished run: its configuration, and the model with its weights in evaluation mode.
 *
 * @throws DataError if the folder is no run, or a file of it is damaged or belongs to another model.
 * @example
 * const { model, config } = await loadRun("runs/first");
 */
export const loadRun = checked(
  "loadRun",
  takes({ path: text }),
  async (path: string): Promise<{ model: Module; config: RunConfig }> => {
    const config = await readRunConfig(path);
    const model = modelOf(config);
    model.loadStateDict((await readSafetensors(join(path, files.model))).tensors);
    return { model: model.eval(), config };
  },
);

async function hostState(model: Saved, step: number): Promise<Record<string, HostTensor>> {
  const state = model.stateDict();
  await realize(...Object.values(state));
  const entries = Object.entries(state).map(async ([key, variable]): Promise<[string, HostTensor]> => {
    const data = await variable.data();
    if (!data.every(Number.isFinite)) {
      throw new NumericError(`[fit] ${key} holds a value that is not finite after step ${step}`, {
        hint: "Lower the learning rate",
      });
    }
    return [key, { dtype: variable.dtype, shape: variable.shape, data }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function readLines(path: string): Promise<string[]> {
  const bytes = await readFileBytes(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return new Uint8Array();
    throw error;
  });
  return new TextDecoder().decode(bytes).split("\n").slice(0, -1);
}

function isFinished(line = ""): boolean {
  return line.startsWith('{"event":"done"') && line.includes('"stopped":"completed"');
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code;
}
