/**
 * The folder of a run: `config.json` (resolved configuration), `metrics.jsonl` (one event per line), `model.safetensors`
 * (the last good weights) and, if pictures were left out, `skipped.jsonl`. Every file is replaced whole, so that neither
 * a reader nor a kill meets a part of one. It must not know how models are trained.
 */
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
import { ConfigError, DataError, NumericError } from "../util/errors.js";
import { parseRunConfig, type RunConfig } from "./config.js";
import type { TrainEvent } from "./events.js";
import { modelOf } from "./models.js";

const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  model: "model.safetensors",
  skipped: "skipped.jsonl",
} as const;

/** Steps of one epoch that `metrics.jsonl` keeps at most; the loss of a line is the mean over the steps it stands for. */
const linesPerEpoch = 100;

/** What is saved: a model, or something that has its state. */
type Saved = Pick<AnyModule, "stateDict">;

/** Where in a run a checkpoint was taken. */
export interface Position {
  /** Epochs finished. */
  readonly epoch: number;
  /** Steps finished. */
  readonly step: number;
}

/**
 * A run folder that is being written.
 *
 * @example
 * const run = await RunFolder.create("runs/first", config);
 */
export class RunFolder {
  readonly path: string;
  readonly #madeFolder: boolean;
  readonly #lines: string[] = [];
  #window: { count: number; loss: number; accuracy: number } = { count: 0, loss: 0, accuracy: 0 };
  #stepsPerLine = 1;

  private constructor(path: string, madeFolder: boolean) {
    this.path = path;
    this.#madeFolder = madeFolder;
  }

  /**
   * Makes the folder and writes `config.json`.
   *
   * @throws ConfigError when the folder already holds a run; DataError when it cannot be made or written.
   */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const madeFolder = await makeFolder(path);
    const there = madeFolder ? [] : await readdir(path);
    const taken = new ConfigError(`[run] ${path} already holds a run`, { hint: "Choose another folder" });
    if (Object.values(files).some((name) => there.includes(name))) throw taken;
    const run = new RunFolder(path, madeFolder);
    try {
      await writeFileAtomic(join(path, files.config), `${JSON.stringify(config, null, 2)}\n`, { exclusive: true });
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw taken; // another process was faster
      if (madeFolder) await rmdir(path).catch(() => undefined);
      throw error;
    }
    return run;
  }

  /** Takes one event into the metrics; they reach the disk with the next {@link flush}. */
  record(event: TrainEvent): void {
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

  /** Writes `metrics.jsonl`. */
  async flush(): Promise<void> {
    await writeFileAtomic(join(this.path, files.metrics), this.#lines.map((line) => `${line}\n`).join(""));
  }

  /**
   * Writes `model.safetensors`, unless a value in it is not finite: the file of the last good state then stays.
   *
   * @returns its path.
   * @throws NumericError when a value is NaN or infinite; DataError when the file cannot be written.
   */
  async save(model: Saved, { epoch, step }: Position): Promise<string> {
    const path = join(this.path, files.model);
    await writeSafetensors(path, await hostState(model, step), { epoch: String(epoch), step: String(step) });
    return path;
  }

  /** Removes what this run wrote, for a run that failed before it was worth keeping. */
  async discard(): Promise<void> {
    for (const name of Object.values(files)) await rm(join(this.path, name), { force: true });
    if (this.#madeFolder) await rmdir(this.path).catch(() => undefined); // somebody else may have put files there
  }
}

/** A folder name that no run has, such as `runs/mnist-cnn-20261121-105320`. */
export function defaultRunName(data: string, model: string, now: Date = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join("runs", `${basename(data)}-${model}-${day}-${time}`);
}

/**
 * Reads the configuration of a run.
 *
 * @throws DataError when the folder is no run, or its `config.json` is damaged.
 */
export async function readRunConfig(path: string): Promise<RunConfig> {
  const configPath = join(path, files.config);
  const bytes = await readFileBytes(configPath).catch((cause: unknown) => {
    const hint = "Pass the folder that fovea train has printed";
    throw new DataError(`[run] ${path} is not a run folder: there is no ${files.config} in it`, { hint, cause });
  });
  return parseRunConfig(new TextDecoder().decode(bytes), configPath);
}

/**
 * Reads a finished run: its configuration, and the model with its weights in evaluation mode.
 *
 * @throws DataError when the folder is no run, or a file of it is damaged or belongs to another model.
 * @example
 * const { model, config } = await loadRun("runs/first");
 */
export async function loadRun(path: string): Promise<{ model: Module; config: RunConfig }> {
  const config = await readRunConfig(path);
  const model = modelOf(config);
  model.loadStateDict((await readSafetensors(join(path, files.model))).tensors);
  return { model: model.eval(), config };
}

async function hostState(model: Saved, step: number): Promise<Record<string, HostTensor>> {
  await realize();
  const entries = Object.entries(model.stateDict()).map(async ([key, variable]): Promise<[string, HostTensor]> => {
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

function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code;
}
