/**
 * A document whose diffs are a worked example, applied to a copy of the sources. Knows Markdown and diffs; it must not know
 * what the example is.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { root } from "../../tools/setup.mjs";
import { codeBlocks } from "./markdown.js";

const runFile = promisify(execFile);
const CONFIGURATION = ["package.json", "tsconfig.json", "vitest.config.ts", "tools"];

interface Change {
  readonly file: string;
  /** Text that must be there exactly once, and what takes its place; null for a new file. */
  readonly before: string | null;
  readonly after: string;
}

/** The hunks of the document's diffs: `---` names a file, `/dev/null` a new one, `@@` parts two hunks of one. */
function changesOf(document: string): Change[] {
  const found: Change[] = [];
  for (const { text } of codeBlocks(document).filter(({ language }) => language === "diff")) {
    for (const part of text.split(/^--- (?:a\/|\/dev\/null\n\+\+\+ (?=b\/))/m).slice(1)) {
      const [name, ...lines] = part.trimEnd().split("\n");
      const isNew = name.startsWith("b/");
      const file = isNew ? name.slice(2) : name;
      for (const hunk of lines.join("\n").split(/^@@$\n?/m)) {
        const own = hunk.trimEnd().split("\n");
        const before = own.filter((line) => !line.startsWith("+"));
        const after = own.filter((line) => !line.startsWith("-"));
        found.push({ file, before: isNew ? null : textOf(before), after: textOf(after) });
      }
    }
  }
  return found;
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line.slice(1)}\n`).join("");

/** A copy of the sources in which documents were followed to the letter. */
export class WorkedExample {
  readonly folder = mkdtempSync(join(tmpdir(), "fovea-example-"));

  /** @param copied files and folders beside the sources and the configuration */
  constructor(documents: readonly string[], copied: readonly string[]) {
    for (const name of ["src", ...CONFIGURATION, ...copied]) {
      cpSync(join(root, name), join(this.folder, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"), "dir");
    for (const { file, before, after } of documents.flatMap(changesOf)) {
      const path = join(this.folder, file);
      if (before === null) writeFileSync(path, after);
      else {
        const text = readFileSync(path, "utf8");
        expect(text.split(before), `${file} has once:\n${before}`).toHaveLength(2);
        writeFileSync(
          path,
          text.replace(before, () => after),
        );
      }
    }
  }

  /** Runs a program of `node_modules` in the copy. */
  run(entry: string, ...words: string[]) {
    return runFile(process.execPath, [join(root, "node_modules", entry), ...words], { cwd: this.folder });
  }

  /** What the type checker has to say about some files and folders of the copy. */
  async typeErrors(...include: string[]): Promise<string> {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
    const { tsBuildInfoFile: _, incremental: __, ...options } = compilerOptions;
    writeFileSync(join(this.folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include }));
    const { stdout } = await this.run("typescript/bin/tsc", "-p", "tsconfig.json").catch(
      (failure: { stdout: string }) => failure,
    );
    return stdout;
  }

  /** How many tests of a file pass and fail whose names contain a text. */
  async test(file: string, name: string): Promise<{ passed: number; failed: number }> {
    const words = ["run", file, "-t", name, "--reporter=json"];
    const { stdout } = await this.run("vitest/vitest.mjs", ...words).catch((failure: { stdout: string }) => failure);
    const { numPassedTests, numFailedTests } = JSON.parse(stdout.slice(stdout.indexOf("{")));
    return { passed: numPassedTests, failed: numFailedTests };
  }

  /** Runs a program of the copy, and reads the JSON that it prints. */
  async evaluate(program: string): Promise<unknown> {
    writeFileSync(join(this.folder, "program.ts"), program);
    return JSON.parse((await this.run("tsx/dist/cli.mjs", "program.ts")).stdout);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
