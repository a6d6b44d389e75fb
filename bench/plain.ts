/**
 * Runs a file of this folder as plain Node runs a user's program: on the built package and without a loader that
 * translates TypeScript, which would add to times and sizes. It knows nothing of what the file does.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import ts from "typescript";
import { prepare, root } from "../tools/prepare.mjs";

/** Everything that child.ts loads besides the package. */
const FILES = [
  new URL("./child.ts", import.meta.url),
  new URL("./models.ts", import.meta.url),
  new URL("./pattern.ts", import.meta.url),
];

export class PlainNode {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Builds the package if needed, and translates the files once. */
  static async create(): Promise<PlainNode> {
    await prepare();
    const folder = mkdtempSync(join(tmpdir(), "fovea-bench-"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    for (const file of FILES) {
      const translated = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions }).outputText;
      writeFileSync(join(folder, `${parse(file.pathname).name}.js`), translated);
    }
    return new PlainNode(folder);
  }

  /** Runs child.ts with `task` and gives the JSON object that it prints. */
  run(task: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
    const args = ["--expose-gc", join(this.#folder, "child.js"), join(root, "dist"), ...task];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_OPTIONS: "", ...env },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
        else reject(new Error(`the benchmark's child ended with code ${code}`));
      });
    });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
