/**
 * The command line: parses words by the schemas of the commands, and shows help, and errors as one line. It must not
 * know any command: they are rows of `commands/index.ts`.
 */
import { createRequire } from "node:module";
import { CommanderError, Command as Parser } from "commander";
import { ConfigError, describeError, FoveaError } from "../util/errors.js";
import { type Argument, argumentsOf, meaningOf, usageOf } from "./command.js";
import { type CommandRow, commands } from "./commands/index.js";
import type { Terminal } from "./terminal.js";

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
  const program = await makeProgram(words, terminal, (exitCode) => {
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

/** The parser of all commands; only those that the words name are loaded and have arguments. */
async function makeProgram(
  words: readonly string[],
  terminal: Terminal,
  setCode: (code: number) => void,
): Promise<Parser> {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  const program = new Parser("fovea")
    .description("Train, test and use image classifiers.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => terminal.out.columns ?? 80,
    })
    .configureHelp({ minWidthToWrap: 20 })
    .showSuggestionAfterError();
  const named = words.filter((word) => !word.startsWith("-")).slice(0, 2); // `fovea train`, `fovea help train`
  for (const row of commands) {
    const parser = program.command(row.name).description(row.summary);
    if (named.includes(row.name)) await addArguments(parser, row, terminal, setCode);
  }
  return program;
}

/** Gives a parser the arguments of a command, and runs the command on what it parses. */
async function addArguments(
  parser: Parser,
  { load }: CommandRow,
  terminal: Terminal,
  setCode: (code: number) => void,
): Promise<void> {
  const command = await load();
  const all = argumentsOf(command);
  for (const argument of all) {
    if (argument.positional) parser.argument(usageOf(argument), meaningOf(argument));
    else parser.option(usageOf(argument), meaningOf(argument));
  }
  parser.action(async () => setCode(await command.run(terminal, givenTo(parser, command.positional, all))));
}

/** The arguments that the user gave, by name; texts of numbers become numbers. */
function givenTo(parser: Parser, positional: readonly string[], all: readonly Argument[]): Record<string, unknown> {
  const words: Record<string, unknown> = { ...parser.opts() };
  positional.forEach((name, i) => {
    words[name] = parser.processedArgs[i];
  });
  const given = all.filter(({ name }) => words[name] !== undefined);
  return Object.fromEntries(
    given.map(({ name, kind }) => [name, kind === "number" ? numberOf(name, String(words[name])) : words[name]]),
  );
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new ConfigError(`[cli] --${name} must be a number, got ${text}`);
  return value;
}
