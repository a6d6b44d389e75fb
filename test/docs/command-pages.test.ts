/**
 * The documents of the command line. docs/commands.md is written from the schemas of the commands:
 * `UPDATE_GOLDEN=1 npx vitest run test/docs/command-pages.test.ts`. The worked example of docs/add-a-command.md is applied
 * to a copy of the sources, in which the new command runs and has help.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Argument, argumentsOf, usageOf } from "../../src/cli/command.js";
import { type CommandRow, commands } from "../../src/cli/commands/index.js";
import { root } from "../../tools/setup.mjs";
import { read } from "./markdown.js";
import { WorkedExample } from "./worked-example.js";

const HEAD = `# Commands

What \`fovea <command> --help\` shows, written from the same schemas. A value that does not fit ends with exit code 2 and
one line that names the argument; work that fails ends with 1. How to add one: [add a command](add-a-command.md).
`;

const cell = (text: string): string => text.replaceAll("|", "\\|");

function rowOf(argument: Argument): string {
  const { description, choices, absent = "" } = argument;
  const named = choices.length > 0 ? `${description}: ${choices.map((name) => `\`${name}\``).join(", ")}` : description;
  return `| \`${usageOf(argument)}\` | ${cell(named)} | ${cell(absent)} |`;
}

async function sectionOf({ name, summary, load }: CommandRow): Promise<string> {
  const all = argumentsOf(await load());
  const words = all.filter(({ positional }) => positional).map(usageOf);
  const usage = ["fovea", name, "[options]", ...words].join(" ");
  const table = ["| argument | meaning | default |", "|---|---|---|", ...all.map(rowOf)].join("\n");
  return `\n## ${name}\n\n\`${usage}\`: ${summary}.\n\n${table}\n`;
}

it("docs/commands.md is what the schemas say", async () => {
  const text = HEAD + (await Promise.all(commands.map(sectionOf))).join("");
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(join(root, "docs/commands.md"), text);
  expect(read("docs/commands.md")).toBe(text);
});

const PROGRAM = `
import { runProgram } from "./src/cli/program.js";
import { Terminal } from "./src/cli/terminal.js";
const texts: string[] = [];
const stream = Object.assign(Object.create(process.stdout), { write: (text: string) => texts.push(text), columns: 80 });
const codes: number[] = [];
for (const words of [["count", "lenet", "--classes", "3"], ["count", "lenet", "--classes", "0"], ["count", "--help"]])
  codes.push(await runProgram(words, new Terminal(stream, stream, {}), false));
console.log(JSON.stringify({ codes, texts }));
`;

describe("docs/add-a-command.md", { timeout: 60_000 }, () => {
  let example: WorkedExample;
  beforeAll(() => {
    example = new WorkedExample(["docs/add-a-command.md"], []);
  });
  afterAll(() => example.remove());

  it("fits one screen", () => {
    expect(read("docs/add-a-command.md").split("\n").length).toBeLessThanOrEqual(80);
  });

  it("gives a command that runs, checks its arguments and has help", async () => {
    const { codes, texts } = (await example.evaluate(PROGRAM)) as { codes: number[]; texts: string[] };
    expect(codes).toEqual([0, 2, 0]);
    expect(texts[0]).toBe("lenet  61,111 parameters\n");
    expect(texts[1]).toBe("fovea: [cli] --classes must be a whole number from 1, got 0\n");
    expect(texts.slice(2).join("")).toMatch(/--classes <n> +number of classes; default: 10\n/);
  });
});
