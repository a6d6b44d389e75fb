/**
 * The command line: commands, options, help, and errors as one line. What the commands do is loaded when one is run.
 */
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { ConfigError, describeError, FoveaError } from "../util/errors.js";
import type { Terminal } from "./terminal.js";

/** Options as commander returns them: text, unless they are switches. */
interface Flags {
  readonly json?: boolean;
  readonly device?: string;
}

interface TrainFlags extends Flags {
  readonly recipe?: string;
  readonly model?: string;
  readonly epochs?: string;
  readonly batch?: string;
  readonly lr?: string;
  readonly optimizer?: string;
  readonly crop?: string;
  readonly flip?: string;
  readonly cutout?: string;
  readonly seed: string;
  readonly out?: string;
  readonly size?: string;
  readonly memory?: string;
  readonly resume?: string;
}

interface ProfileFlags extends Flags {
  readonly batch: string;
  readonly size: string;
  readonly steps: string;
  readonly train?: boolean;
  readonly forward?: boolean;
}

/** Names of the options whose values are numbers. */
type NumberName = "epochs" | "batch" | "lr" | "crop" | "flip" | "cutout" | "seed" | "size" | "steps";
/** Options that may be combined with `--resume`: none of them changes the result of training. */
const resumable: readonly string[] = ["resume", "device", "memory", "json"];

const failed = 1;
const misused = 2;

/**
 * Runs one command line.
 *
 * @param words the arguments after the program's name.
 * @returns the exit code: 0, 1 if the command failed, 2 if the command line is wrong.
 */
export async function runProgram(words: readonly string[], terminal: Terminal, debug: boolean): Promise<number> {
  let code = 0;
  const program = makeProgram(terminal, (exitCode) => {
    code = exitCode;
  });
  try {
    if (words.length === 0) terminal.print(program.helpInformation().trimEnd());
    else await program.parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help or version was requested
    terminal.printError(`fovea: ${lineFor(error)}`);
    if (debug && error instanceof Error) terminal.printError(error.stack ?? "");
    return error instanceof CommanderError || error instanceof ConfigError ? misused : failed;
  }
}

function lineFor(error: unknown): string {
  if (error instanceof CommanderError) return usageLine(error.message);
  if (error instanceof FoveaError) return describeError(error);
  return `something unexpected happened: ${describeError(error)}. Set FOVEA_DEBUG=1 to see where`.replaceAll("\n", " ");
}

/** Commander's `error: unknown option '--epoch'\n(Did you mean --epochs?)` as one line with a fix. */
function usageLine(message: string): string {
  const [problem, suggestion] = message.replace(/^error: /, "").split("\n");
  const meant = /Did you mean (?:one of )?(.+)\?/.exec(suggestion ?? "")?.[1];
  return `${problem.replaceAll("'", "").replace(/\.$/, "")}. ${meant ? `Did you mean ${meant}?` : "See fovea --help"}`;
}

function makeProgram(terminal: Terminal, setCode: (code: number) => void): Command {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  const program = new Command("fovea")
    .description("Train, test and use image classifiers.")
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out.write(text), writeErr: () => undefined })
    .showSuggestionAfterError();
  const json = ["--json", "print one JSON object per line"] as const;
  const device = ["--device <name>", "native, wasm or interp; default: the one the run was trained on"] as const;

  program
    .command("train")
    .description("train a model and save it in a run folder")
    .argument("[data]", "mnist, fashion-mnist, a folder of class folders of images, or one of IDX files")
    .option("--recipe <name>", "cifar-resnet or cifar-fast: values of all options left out; default: by data set")
    .option("--model <name>", "cnn, resnet18, speednet, ...; default: by recipe")
    .option("--epochs <n>", "times through the training images; default: by recipe")
    .option("--batch <n>", "images per step; default: by recipe")
    .option("--lr <x>", "largest learning rate; default: by recipe or optimizer")
    .option("--optimizer <name>", "sgd, adamw, muon, ...; default: by recipe")
    .option("--crop <n>", "shift training images by up to n pixels; 0: not; default: by recipe")
    .option("--flip <p>", "mirror training images with probability p; 0: not; default: by recipe")
    .option("--cutout <n>", "blank a random square of n pixels in each training image; 0: not; default: by recipe")
    .option("--seed <n>", "decides the split, the order and the initial weights", "0")
    .option("--device <name>", "native, wasm or interp; default: native if there is a C compiler, else wasm")
    .option("--size <n>", "resize images of a folder: 224, or 160x224 (height first); default: as they are")
    .option("--memory <bytes>", "pixels held in memory, such as 2GiB; default: a quarter of the machine's")
    .option("--out <dir>", "run folder; default: a new one in runs")
    .option("--resume <run>", "resume a stopped run; give data only if they have moved, and no other options")
    .option(...json)
    .action(async (data: string | undefined, { json, resume: run, ...flags }: TrainFlags, command: Command) => {
      if (run !== undefined) {
        refuseChanges(command);
        const { resume } = await import("./commands.js");
        setCode(await resume(terminal, run, { json, device: flags.device, memory: flags.memory, data }));
        return;
      }
      if (data === undefined) command.error("error: missing required argument data");
      const numbers = (["epochs", "batch", "lr", "crop", "flip", "cutout", "seed"] as const).map((name) => [
        name,
        numberOf(name, flags),
      ]);
      const { train } = await import("./commands.js");
      setCode(await train(terminal, { ...flags, ...Object.fromEntries(numbers), data }, json));
    });

  program
    .command("predict")
    .description("classify images")
    .argument("<run>", "a run folder")
    .argument("<images...>", "JPEG, PNG or WebP files")
    .option("--invert", "swap dark and light first, for dark ink on light paper")
    .option(...device)
    .option(...json)
    .action(async (run: string, images: string[], flags: Flags & { readonly invert?: boolean }) => {
      const { predict } = await import("./commands.js");
      setCode(await predict(terminal, run, images, flags));
    });

  program
    .command("evaluate")
    .description("score a trained model on the test part of a data set")
    .argument("<run>", "a run folder")
    .argument("<data>", "mnist, fashion-mnist, a folder of class folders of images, or one of IDX files")
    .option(...device)
    .option(...json)
    .action(async (run: string, data: string, flags: Flags) => {
      const { evaluate } = await import("./commands.js");
      setCode(await evaluate(terminal, run, data, flags));
    });

  program
    .command("devices")
    .description("show what this machine offers: compiler, SIMD width, cores, cache folder")
    .option(...json)
    .action(async (flags: Flags) => {
      const { devices } = await import("./commands.js");
      setCode(await devices(terminal, flags));
    });

  program
    .command("profile")
    .description("show where the time of a step goes, layer by layer, against what the machine can do")
    .argument("<model>", "a name such as resnet20; for an unknown one the nearest is suggested")
    .option("--batch <n>", "images per step", "64")
    .option("--size <n>", "side of the images in pixels", "32")
    .option("--steps <n>", "measured steps", "10")
    .option("--train", "a whole training step: cross-entropy, SGD with momentum (default)")
    .option("--forward", "the forward pass in evaluation")
    .option("--device <name>", "native or wasm; default: native if there is a C compiler, else wasm")
    .option(...json)
    .action(async (model: string, { json, device, train, forward, ...flags }: ProfileFlags) => {
      if (train && forward) throw new ConfigError("[cli] --train and --forward exclude each other");
      const [batch, size, steps] = (["batch", "size", "steps"] as const).map((name) => Number(numberOf(name, flags)));
      const { profile } = await import("./profile.js");
      setCode(
        await profile(terminal, model, { batch, size, steps, work: forward ? "forward" : "train", device, json }),
      );
    });

  return program;
}

/** A resumed run keeps its settings: options could only contradict them. */
function refuseChanges(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (resumable.includes(name) || command.getOptionValueSource(name) !== "cli") continue;
    const planned = name === "epochs" ? "the learning rate is planned over its epochs" : "the run has its own";
    throw new ConfigError(`[cli] ${option.long} cannot be given with --resume: ${planned}`, {
      hint: "Leave it out, or train a new run",
    });
  }
}

function numberOf(name: NumberName, flags: Partial<Record<NumberName, string>>): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new ConfigError(`[cli] --${name} must be a number, got ${text}`);
  return value;
}
