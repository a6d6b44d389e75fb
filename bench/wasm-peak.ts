/**
 * The arithmetic peak of WebAssembly: independent multiply-adds on vectors that stay in registers, on every thread at
 * once, after the engine has tiered up. It touches no memory, so no kernel can exceed it. Twelve chains hide a latency of
 * up to six cycles on two units and leave registers for both factors. It knows nothing of Fovea's own encoder.
 */
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { Peak } from "./peak.js";
import { relaxedProbe, wasmPeakModule } from "./wasm-peak-module.js";

const LANES = 4;
const CHAINS = 12;
const TURNS = 5;
const MEASURE_MS = 60;
/** The engine counts loops in its first tier and compiles the second beside it: calls until then do not count. */
const WARM_UP_MS = 400;
const FIRST_COUNT = 20_000;

/**
 * A thread: instantiates the module, then for each count waits until all threads are ready, runs, and tells when it began
 * and ended. The clock is the process's, the same on all threads.
 */
const THREAD = `const { parentPort, workerData } = require("node:worker_threads");
const { fused, plain, probe, gate, threads, origin } = workerData;
const now = () => Number(process.hrtime.bigint() - origin);
const relaxed = WebAssembly.validate(probe);
const { chains } = new WebAssembly.Instance(new WebAssembly.Module(relaxed ? fused : plain)).exports;
parentPort.on("message", ({ count, turn }) => {
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < turn * threads);
  const begin = now();
  const sum = chains(count, 0.9999999, 1e-3);
  const end = now();
  parentPort.postMessage({ begin, end, sum, relaxed });
});
`;

interface Answer {
  /** Nanoseconds since the origin. */
  readonly begin: number;
  readonly end: number;
  readonly sum: number;
  readonly relaxed: boolean;
}

export class WasmPeak implements Peak {
  readonly #threads: readonly Worker[];
  #turn = 0;
  #count = FIRST_COUNT;
  #relaxed = false;

  private constructor(threads: number) {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const [fused, plain] = [wasmPeakModule(CHAINS, true), wasmPeakModule(CHAINS, false)];
    const workerData = { fused, plain, probe: relaxedProbe, gate, threads, origin: process.hrtime.bigint() };
    this.#threads = Array.from(
      { length: threads },
      () => new Worker(THREAD, { eval: true, execArgv: [], env: {}, workerData }),
    );
    for (const thread of this.#threads) thread.unref();
  }

  /** Starts the threads, waits for the engine's best code and finds out how long to measure. */
  static async open(threads: number): Promise<WasmPeak> {
    // Node 20 has relaxed SIMD behind a flag, which threads started later inherit.
    if (Number.parseInt(process.versions.node, 10) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");
    const peak = new WasmPeak(threads);
    const start = performance.now();
    while (performance.now() - start < WARM_UP_MS) await peak.#seconds();
    for (let turn = MEASURE_MS / 1e3 / TURNS; (await peak.#seconds()) < turn / 2; ) peak.#count *= 2;
    return peak;
  }

  get name(): string {
    return `WebAssembly, ${this.#relaxed ? "relaxed multiply-add" : "multiplication and addition"}`;
  }

  async measure(): Promise<number> {
    let best = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      const flop = 2 * LANES * CHAINS * this.#count * this.#threads.length;
      best = Math.max(best, flop / (await this.#seconds()) / 1e9);
    }
    return best;
  }

  close(): void {
    for (const thread of this.#threads) void thread.terminate();
  }

  /** From the first thread's begin to the last one's end. */
  async #seconds(): Promise<number> {
    this.#turn++;
    const answers = await Promise.all(this.#threads.map((thread) => this.#ask(thread)));
    this.#relaxed = answers[0].relaxed;
    if (answers.some(({ sum }) => !Number.isFinite(sum))) throw new Error("the peak loop computes nonsense");
    const begin = Math.min(...answers.map((each) => each.begin));
    return (Math.max(...answers.map((each) => each.end)) - begin) / 1e9;
  }

  #ask(thread: Worker): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done = () => {
        thread.unref();
        thread.off("message", answered).off("error", failed);
      };
      const answered = (answer: Answer) => {
        done();
        resolve(answer);
      };
      const failed = (error: unknown) => {
        done();
        reject(error);
      };
      thread.ref();
      thread.on("message", answered).on("error", failed);
      thread.postMessage({ count: this.#count, turn: this.#turn });
    });
  }
}
