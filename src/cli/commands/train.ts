/**
 * `fovea train`: trains a model, or resumes a stopped run. It must not know how training works, nor how its events are
 * shown.
 */
import { z } from "zod";
import { useDevice } from "../../index.js";
import { checkOptions, trainOptionsSchema } from "../../train/config.js";
import { type PreparedRun, prepareRun, resumeRun, type Watching } from "../../train/index.js";
import { ConfigError } from "../../util/errors.js";
import { defineCommand } from "../command.js";
import { decodeReporter, humanReporter, jsonReporter } from "../progress.js";
import { json, openDevice } from "../shared-options.js";
import type { Terminal } from "../terminal.js";

/** Signals that interrupt a run, and the exit codes for them. */
const stopCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Options that may be combined with `--resume`: none of them changes the result of training. */
const resumable: readonly string[] = ["data", "resume", "device", "memory", "json"];

const { data } = trainOptionsSchema.shape;

/** Trains. Ctrl-C ends the run after the current step and saves it; a second one ends the process. */
export const train = defineCommand({
  positional: ["data"],
  schema: trainOptionsSchema.extend({
    data: data.optional().meta(data.meta() ?? {}),
    resume: z.string().optional().meta({
      description: "resume a stopped run; give data only if they have moved, and no other options",
      value: "run",
    }),
    json,
  }),
  checkNames: (given) => {
    if (given.includes("resume")) refuseChanges(given);
  },
  run: async (terminal, { resume, json = false, ...options }) => {
    if (resume !== undefined) {
      const { data, device, memory } = options;
      await openDevice(resume, device);
      const prepared = await prepare(terminal, json, (watching) => resumeRun(resume, { data, memory, ...watching }));
      return follow(terminal, prepared, json);
    }
    if (options.data === undefined)
      throw new ConfigError("missing required argument data", { hint: "See fovea --help" });
    const prepared = await prepare(terminal, json, (watching) => prepareRun(checkOptions(options), watching));
    await useDevice(prepared.config.device);
    return follow(terminal, prepared, json);
  },
});

/** A resumed run keeps its settings: options could only contradict them. */
function refuseChanges(given: readonly string[]): void {
  const name = given.find((name) => !resumable.includes(name));
  if (name === undefined) return;
  const planned = name === "epochs" ? "the learning rate is planned over its epochs" : "the run has its own";
  throw new ConfigError(`[cli] --${name} cannot be given with --resume: ${planned}`, {
    hint: "Leave it out, or train a new run",
  });
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
