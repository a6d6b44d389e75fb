/**
 * Runs a file of this folder as plain Node runs a user's program: on the built package and without a loader that
 * translates TypeScript, which would add to times and sizes. It knows nothing of what a file does.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { root, setUp } from "../tools/setup.mjs";

const bench = join(root, "bench");
/** child.ts, js/serve.ts and everything that they load besides packages. */
const FILES = [
  ...["child.ts", "api.ts", "models.ts", "vision-transformer.ts", "pattern.ts", "magnitude.ts"],
  ...readdirSync(join(bench, "js")).map((name) => join("js", name)),
];

export class PlainNode {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Builds the package if needed, and translates the files once. */
  static async create(): Promise<PlainNode> {
    await setUp();
    const folder = mkdtempSync(join(tmpdir(), "fovea-bench-"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    for (const file of FILES) {
      const translated = ts.transpileModule(readFileSync(join(bench, file), "utf8"), { compilerOptions }).outputText;
      const target = join(folder, file.replace(/\.ts$/, ".js"));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, translated);
    }
    return new PlainNode(folder);
  }

  /** Where a file of this folder lies translated. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Runs child.ts with `task` and gives the JSON object that it prints. */
  run(task: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
    const args = ["--expose-gc", this.file("child.js"), join(root, "dist"), ...task];
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
