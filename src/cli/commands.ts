/**
 * Implementations of the commands, given checked arguments and a terminal. They must not parse arguments, nor know how
 * training, reading or predicting works.
 */
import { currentDevice, describeDevices, useDevice } from "../index.js";
import {
  checkOptions,
  deviceNames,
  evaluateRun,
  Predictor,
  type PreparedRun,
  prepareRun,
  type ResumeOptions,
  readRunConfig,
  resumeRun,
  type Watching,
} from "../train/index.js";
import { ConfigError, describeError, UnavailableError } from "../util/errors.js";
import { environment } from "../util/host.js";
import { decodeReporter, humanReporter, jsonReporter } from "./progress.js";
import { formatCount, formatShare, type Terminal } from "./terminal.js";

/** Signals that interrupt a run, and the exit codes for them. */
const stopCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Trains; returns the exit code. Ctrl-C ends the run after the current step and saves it; a second one kills it. */
export async function train(terminal: Terminal, options: unknown, json = false): Promise<number> {
  const prepared = await prepare(terminal, json, (watching) => prepareRun(checkOptions(options), watching));
  await useDevice(prepared.config.device);
  return follow(terminal, prepared, json);
}

/** Resumes a stopped run; otherwise as {@link train}. */
export async function resume(
  terminal: Terminal,
  run: string,
  { json = false, device, ...options }: RunOptions & ResumeOptions,
): Promise<number> {
  await openDevice(run, device);
  return follow(
    terminal,
    await prepare(terminal, json, (watching) => resumeRun(run, { ...options, ...watching })),
    json,
  );
}

/** Shows a run from start to end, and stops it on a signal. */
async function follow(terminal: Terminal, { config, start }: PreparedRun, json: boolean): Promise<number> {
  const reporter = json ? jsonReporter(terminal) : humanReporter(terminal, config);
  const stop = new AbortController();
  let code = 0;
  const onSignal = (name: NodeJS.Signals) => {
    const again = stop.signal.aborted;
    code = stopCodes[name as keyof typeof stopCodes];
    if (again) {
      reporter.close();
      process.exit(code);
    }
    stop.abort();
  };
  const signals = Object.keys(stopCodes) as NodeJS.Signals[];
  for (const name of signals) process.on(name, onSignal);
  try {
    const { stopped } = await start({ onEvent: reporter.report, signal: stop.signal });
    return stopped === "interrupted" ? code : 0;
  } finally {
    for (const name of signals) process.off(name, onSignal);
    reporter.close();
  }
}

/** Prepares a run and shows the decoding of its folder, which may take minutes; then it restores the terminal. */
async function prepare(
  terminal: Terminal,
  json: boolean,
  work: (watching: Watching) => Promise<PreparedRun>,
): Promise<PreparedRun> {
  const reporter = json ? jsonReporter(terminal) : decodeReporter(terminal);
  try {
    return await work({ onEvent: reporter.report });
  } finally {
    reporter.close();
  }
}

/** Options that `predict`, `evaluate` and resuming a run share. */
export interface RunOptions {
  readonly json?: boolean;
  /** Name of the device; default: the device that the run was trained on, or the default one if that is unavailable. */
  readonly device?: string;
}

/**
 * Classifies images; an image that cannot be read is reported and the others are still classified. Returns the exit
 * code.
 */
export async function predict(
  terminal: Terminal,
  run: string,
  images: readonly string[],
  { json, device, invert }: RunOptions & { readonly invert?: boolean },
): Promise<number> {
  await openDevice(run, device);
  const predictor = await Predictor.open(run);
  let code = 0;
  for (const path of images) {
    try {
      const { class: best, probabilities, notes } = await predictor.predictFile(path, { invert });
      if (json) {
        const byClass = Object.fromEntries(probabilities.map(({ class: name, probability }) => [name, probability]));
        terminal.printJson({ event: "prediction", image: path, class: best, probabilities: byClass, notes });
        continue;
      }
      const ranked = [...probabilities].sort((a, b) => b.probability - a.probability);
      const [first, ...others] = ranked.slice(0, 3).map((p) => `${p.class} ${formatShare(p.probability)}`);
      const remarks = notes.length > 0 ? terminal.paint("dim", `  (${notes.join(", ")})`) : "";
      terminal.print(`${path}: ${terminal.paint("green", first)}, then ${others.join(", ")}${remarks}`);
    } catch (error) {
      terminal.printError(`fovea: ${describeError(error)}`);
      code = 1;
    }
  }
  return code;
}

/** Scores a run on the test part of a data set. Returns the exit code. */
export async function evaluate(terminal: Terminal, run: string, data: string, options: RunOptions): Promise<number> {
  await openDevice(run, options.device);
  const { accuracy, loss, count } = await evaluateRun(run, data);
  if (options.json) {
    terminal.printJson({ event: "done", testAccuracy: accuracy, testLoss: loss, testSamples: count, run, data });
  } else {
    const right = `${formatCount(accuracy * count)} of ${formatCount(count)}`;
    terminal.print(`test accuracy  ${terminal.paint("green", formatShare(accuracy))}  (${right})`);
    terminal.print(`test loss      ${loss.toFixed(4)}`);
  }
  return 0;
}

/**
 * Opens the device of `--device` or of the environment, else the run's own, else the default one if that is
 * unavailable.
 */
async function openDevice(run: string, requested: string | undefined): Promise<void> {
  if (requested !== undefined) {
    if (deviceNames.some((name) => name === requested)) return useDevice(requested);
    throw new ConfigError(`[cli] --device must be one of ${deviceNames.join(", ")}, got ${requested}`);
  }
  const { device } = await readRunConfig(run);
  try {
    if (!environment.FOVEA_DEVICE) await useDevice(device);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    await currentDevice();
  }
}

/** Shows what this machine offers. Returns the exit code: 0 if there is a device. */
export async function devices(terminal: Terminal, { json }: { readonly json?: boolean }): Promise<number> {
  const found = await describeDevices();
  for (const device of found) {
    if (json) {
      terminal.printJson(device);
      continue;
    }
    const { name, available, reason, details } = device;
    const state = available ? terminal.paint("green", "available") : terminal.paint("yellow", "missing");
    terminal.print(`${terminal.paint("bold", name.padEnd(8))} ${state}${reason ? `: ${reason}` : ""}`);
    const width = Math.max(0, ...Object.keys(details).map((key) => key.length));
    for (const [key, value] of Object.entries(details)) terminal.print(`  ${key.padEnd(width)}  ${value}`);
  }
  return found.some(({ available }) => available) ? 0 : 1;
}
