/**
 * PyTorch as the peer of a benchmark: a Python process that lives through the run, driven by JSON lines (torch_peer.py).
 * It is stopped (SIGSTOP) whenever it has nothing to do, so that threads that wait by spinning cannot disturb the other
 * side. It knows nothing of what is compared.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";
import { root } from "../tools/prepare.mjs";
import type { Contestant } from "./rounds.js";

/** What the peer is asked to do; the Python side spells the rest. */
export type Work =
  | { readonly kind: "step"; readonly model: string; readonly batch: number }
  | {
      readonly kind: "conv";
      readonly pass: "forward" | "inputGradient" | "weightGradient";
      readonly batch: number;
      readonly channels: number;
      readonly side: number;
    }
  | { readonly kind: "matmul"; readonly m: number; readonly k: number; readonly n: number };

const failure = z.object({ error: z.string() });
const hello = z.object({ version: z.string() });
const setup = z.object({ id: z.number(), check: z.number(), firstMs: z.number(), sinceStartMs: z.number() });
const run = z.object({ ms: z.array(z.number()) });
const usage = z.object({ maxRssBytes: z.number() });

/** Work that is set up in the peer, with the mean magnitude of its first result and the time that this took. */
export type Prepared = z.infer<typeof setup>;
type Failure = z.infer<typeof failure>;

/** The modes that work, and the errors of those that do not. */
export interface Modes {
  readonly ready: ReadonlyMap<string, Prepared>;
  readonly failed: Readonly<Record<string, Failure>>;
}

/**
 * An environment in which PyTorch runs at its best between steps: the allocator keeps memory instead of giving it back
 * and faulting it in again, in large pages, and OpenMP's threads wait by spinning. Not what a user gets by default.
 */
export const TUNED: NodeJS.ProcessEnv = {
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184",
  OMP_WAIT_POLICY: "ACTIVE",
};

export class TorchPeer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #endWithUs = () => this.#child.kill("SIGKILL");
  #complaint = "";
  /** The version of PyTorch. */
  version = "";

  private constructor(env: NodeJS.ProcessEnv) {
    const script = join(root, "bench", "torch_peer.py");
    this.#child = spawn("python3", [script], { stdio: "pipe", env: { ...process.env, ...env } });
    // A python3 that is missing shows as the end of its output, reported by the next question.
    this.#child.on("error", (error) => {
      this.#complaint = error.message;
    });
    this.#child.stdin!.on("error", () => {});
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-2000);
    });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    process.on("exit", this.#endWithUs);
  }

  /** Starts a peer, or gives a note that says why there is none. `env` adds to the environment. */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<TorchPeer | string> {
    const peer = new TorchPeer(env);
    const answer = await peer.#ask(hello, { do: "hello" });
    if ("error" in answer) {
      peer.close();
      return `PyTorch is left out: python3 cannot import torch (${answer.error})`;
    }
    peer.version = answer.version;
    return peer;
  }

  /** Builds the work in one mode and runs it once. */
  async setup(work: Work, mode: string): Promise<Prepared | Failure> {
    return this.#ask(setup, { do: "setup", work, mode });
  }

  /** Builds the work in every mode; `checked` gets the first result of each and may throw. */
  async setupAll(work: Work, modes: readonly string[], checked: (value: number, mode: string) => void): Promise<Modes> {
    const ready = new Map<string, Prepared>();
    const failed: Record<string, Failure> = {};
    for (const mode of modes) {
      const answer = await this.setup(work, mode);
      if ("error" in answer) failed[mode] = answer;
      else {
        checked(answer.check, mode);
        ready.set(mode, answer);
      }
    }
    return { ready, failed };
  }

  /** Prepared work as a side of a comparison. */
  contestant(name: string, prepared: Prepared): Contestant {
    return {
      name,
      side: "peer",
      run: async (steps) => succeed(await this.#ask(run, { do: "run", id: prepared.id, steps })).ms,
    };
  }

  /** Peak resident size so far. */
  async maxRssBytes(): Promise<number> {
    return succeed(await this.#ask(usage, { do: "usage" })).maxRssBytes;
  }

  /** Processor time that the process has used so far; 0 where the system does not tell. */
  cpuMs(): number {
    if (process.platform !== "linux" || this.#child.pid === undefined) return 0;
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10; // user and system, in ticks of 1/100 s
  }

  close(): void {
    process.off("exit", this.#endWithUs);
    this.#lines.close();
    this.#child.kill("SIGKILL");
  }

  async #ask<T>(answer: z.ZodType<T>, question: object): Promise<T | Failure> {
    this.#child.kill("SIGCONT");
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    const line = await this.#answers.next();
    if (line.done) return { error: this.#complaint.trim().split("\n").at(-1) ?? "no answer" };
    this.#child.kill("SIGSTOP");
    return z.union([failure, answer]).parse(JSON.parse(line.value));
  }
}

function succeed<T extends object>(answer: T | Failure): T {
  if ("error" in answer) throw new Error(`the PyTorch process failed: ${answer.error}`);
  return answer as T;
}
