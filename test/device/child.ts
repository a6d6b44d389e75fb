/** Runs jobs (see job.ts) in processes of their own, with an environment of their own. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { z } from "zod";
import { root, setUp } from "../../tools/setup.mjs";

/** The jobs without types, on the library as it is built: a process that loads TypeScript starts three times as slowly. */
async function writeJobs(): Promise<string> {
  await setUp();
  const source = readFileSync(new URL("job.ts", import.meta.url), "utf8");
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(source, { compilerOptions: options });
  const path = join(freshFolder(), "job.mjs");
  writeFileSync(path, outputText.replaceAll('"../../src/', `"${pathToFileURL(join(root, "dist"))}/`));
  return path;
}
let jobs: Promise<string> | undefined;

export interface Outcome {
  readonly code: number | null;
  /** What was killed, if anything. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a job; variables that are undefined are taken out of the environment. */
export async function run(
  name: string,
  env: Readonly<Record<string, string | undefined>> = {},
  flags: readonly string[] = [],
): Promise<Outcome> {
  jobs ??= writeJobs();
  const job = await jobs;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, job, name], {
      env: { ...process.env, FOVEA_DEBUG: undefined, ...env },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** The result of a job that must succeed. */
export async function resultOf<T>(outcome: Promise<Outcome>, schema: z.ZodType<T>): Promise<T> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`the job ended with ${code}: ${stderr}`);
  return schema.parse(JSON.parse(stdout.trim().split("\n").slice(-1)[0]));
}

export const trained = z.object({ losses: z.array(z.number()), checkpoint: z.string() });
export const repeated = z.object({ trained, sums: z.array(z.number()), prepared: z.number() });
export const computed = z.object({ value: z.number(), compilations: z.number() });

/** A fresh folder for kernels, or for whatever a test needs. */
export const freshFolder = (): string => mkdtempSync(join(tmpdir(), "fovea-device-"));

/** A program that stands in for a C compiler. */
export function script(body: string): string {
  const path = join(freshFolder(), "compiler");
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}
