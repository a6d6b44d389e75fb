/**
 * The peer of a benchmark: a process that lives through the run, driven by JSON lines (torch_peer.py, js/serve.ts). It is
 * stopped (SIGSTOP) whenever it has nothing to do, so that threads that wait by spinning cannot disturb the other side.
 * It knows nothing of which libraries there are or of what is compared.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";
import { type Failure, readAnswer } from "./answers.js";
import type { Contestant } from "./rounds.js";
import type { Work } from "./work.js";

/** How a peer is started, and what is said of it. */
export interface Program {
  /** The peer's name for readers. */
  readonly label: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What its absence means, before the reason. */
  readonly absent: string;
}

const hello = z.object({ version: z.string() });
const setup = z.object({ id: z.number(), checks: z.array(z.number()), firstMs: z.number(), sinceStartMs: z.number() });
const run = z.object({ ms: z.array(z.number()) });
const usage = z.object({ maxRssBytes: z.number() });

/** Work that is set up in the peer, with the mean magnitudes of its first results and the time that this took. */
export type Setup = z.infer<typeof setup>;

/** Gets the first results of a mode, and throws if they are not those of the other side. */
export type Checked = (values: readonly number[], mode: string) => void;

/** The modes that work, and the errors of those that do not. */
export interface Modes {
  readonly ready: ReadonlyMap<string, Setup>;
  readonly failed: Readonly<Record<string, Failure>>;
}

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #endWithUs = () => this.#child.kill("SIGKILL");
  #complaint = "";
  readonly #label: string;
  /** The library's version. */
  version = "";

  private constructor({ label, file, args, env }: Program) {
    this.#label = label;
    this.#child = spawn(file, args, { stdio: "pipe", env: { ...process.env, ...env } });
    // A program that is missing shows as the end of its output, reported by the next question.
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

  /** Starts a peer, or gives a note that says why there is none. */
  static async start(program: Program): Promise<Peer | string> {
    const peer = new Peer(program);
    const answer = await peer.#ask(hello, { do: "hello" });
    if ("error" in answer) {
      peer.close();
      return `${program.label} is left out: ${program.absent}${answer.error}`;
    }
    peer.version = answer.version;
    return peer;
  }

  /** Builds the work in one mode and runs it once. */
  async setup(work: Work, mode: string): Promise<Setup | Failure> {
    return this.#ask(setup, { do: "setup", work, mode });
  }

  /** Builds the work in every mode; `checked` gets the first results of each and may throw. */
  async setupAll(work: Work, modes: readonly string[], checked: Checked): Promise<Modes> {
    const ready = new Map<string, Setup>();
    const failed: Record<string, Failure> = {};
    for (const mode of modes) {
      const answer = await this.setup(work, mode);
      if ("error" in answer) failed[mode] = answer;
      else {
        checked(answer.checks, mode);
        ready.set(mode, answer);
      }
    }
    return { ready, failed };
  }

  /** Work that is set up, as a side of a comparison. */
  contestant(name: string, setup: Setup): Contestant {
    return {
      name,
      side: "peer",
      run: async (steps) => this.#succeed(await this.#ask(run, { do: "run", id: setup.id, steps })).ms,
    };
  }

  /** Peak resident size so far. */
  async maxRssBytes(): Promise<number> {
    return this.#succeed(await this.#ask(usage, { do: "usage" })).maxRssBytes;
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
    return readAnswer(line.value, answer);
  }

  #succeed<T extends object>(answer: T | Failure): T {
    if ("error" in answer) throw new Error(`the process of ${this.#label} failed: ${answer.error}`);
    return answer as T;
  }
}
