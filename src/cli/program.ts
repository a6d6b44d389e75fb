/**
 * The command line: commands, options, help, and errors as one line. What the commands do is loaded when one is run.
 */
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { ConfigError, describeError, FoveaError } from "../util/errors.js";
import type { Terminal } from "./terminal.js";

/** Options as commander gives them: text, unless they are switches. */
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
  readonly seed: string;
  readonly out?: string;
  readonly size?: string;
  readonly memory?: string;
}

const failed = 1;
const misused = 2;

/**
 * Runs one command line.
 *
 * @param words the arguments after the program's name.
 * @returns the exit code: 0, 1 when the work failed, 2 when the command line is wrong.
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
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help or version was asked for
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
    .argument("<data>", "mnist, fashion-mnist, a folder of class folders of pictures, or one of IDX files")
    .option("--recipe <name>", "cifar-resnet or cifar-fast: all that is not said; default: by data set")
    .option("--model <name>", "cnn, resnet18, speednet, ...; default: by recipe")
    .option("--epochs <n>", "times through the training images; default: by recipe")
    .option("--batch <n>", "images per step; default: by recipe")
    .option("--lr <x>", "largest learning rate; default: by recipe or optimizer")
    .option("--optimizer <name>", "sgd, adamw or muon; default: by recipe")
    .option("--seed <n>", "decides the split, the order and the initial weights", "0")
    .option("--device <name>", "native, wasm or interp; default: native if there is a C compiler, else wasm")
    .option("--size <n>", "resize pictures of a folder: 224, or 160x224 (height first); default: as they are")
    .option("--memory <bytes>", "pixels held in memory, such as 2GiB; default: a quarter of the machine's")
    .option("--out <dir>", "run folder; default: a new one in runs")
    .option(...json)
    .action(async (data: string, { json, ...flags }: TrainFlags) => {
      const [epochs, batch, lr, seed] = (["epochs", "batch", "lr", "seed"] as const).map((name) =>
        numberOf(name, flags),
      );
      const { train } = await import("./commands.js");
      setCode(await train(terminal, { ...flags, epochs, batch, lr, seed, data }, json));
    });

  program
    .command("predict")
    .description("tell the class of pictures")
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
    .argument("<data>", "mnist, fashion-mnist, a folder of class folders of pictures, or one of IDX files")
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

  return program;
}

function numberOf(name: "epochs" | "batch" | "lr" | "seed", flags: Partial<TrainFlags>): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new ConfigError(`[cli] --${name} must be a number, got ${text}`);
  return value;
}
