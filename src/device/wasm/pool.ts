/**
 * The thread pool, seen from the calling thread: it starts work by writing into the control block and receives
 * completion as a message, so it never blocks. One job at a time; callers ensure that. Knows kernels as modules and
 * programs as words; `worker-source.ts` is the other side of the protocol.
 */
import { DeviceError } from "../../util/errors.js";
import type { WasmMemory, WasmModule } from "./engine.js";
import type { Host, Thread } from "./host.js";
import { CONTROL, CONTROL_BYTES, WORKER_SOURCE } from "./worker-source.js";

/** A kernel that threads instantiate. */
interface PoolKernel {
  readonly id: number;
  readonly module: WasmModule;
}

/** A program as words, three per step: the kernel's id, the address of its table, its tasks. */
export interface PoolProgram {
  readonly id: number;
  readonly kernels: readonly PoolKernel[];
  readonly words: Int32Array;
  /** Start and end of every step in milliseconds, in shared memory; null if the program is not timed. */
  readonly times: Float64Array | null;
}

/** A task that failed, and its step. */
export class TaskFailure extends Error {
  constructor(
    message: string,
    readonly step: number,
  ) {
    super(message);
  }
}

/** A message that gives a thread what it lacks: first the control block and memory, then kernels and programs. */
interface Update {
  readonly control?: Int32Array;
  readonly memory?: WasmMemory;
  readonly threads?: number;
  /** Address of this thread's scratch memory. */
  readonly scratch?: number;
  readonly kernels: readonly (readonly [number, WasmModule])[];
  readonly programs: readonly (readonly [number, Pick<PoolProgram, "words" | "times">])[];
  readonly dropped: { readonly kernels: readonly number[]; readonly programs: readonly number[] };
}

interface Job {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Pool {
  private readonly control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
  private readonly threads: Thread[];
  /** Ids of the kernels and programs that the threads have received. */
  private readonly kernels = new Set<number>();
  private readonly programs = new Set<number>();
  private dropped: { kernels: number[]; programs: number[] } = { kernels: [], programs: [] };
  private scratches: readonly number[] | null = null;
  private initialized = false;
  private job: Job | null = null;
  private done = false;
  private failure: TaskFailure | null = null;
  private broken: DeviceError | null = null;

  constructor(
    host: Host,
    private readonly memory: WasmMemory,
    readonly count: number,
  ) {
    this.control[CONTROL.inside] = -1;
    const listener = {
      message: (message: unknown) => this.onMessage(message),
      failed: (reason: string) => this.break(reason),
    };
    this.threads = Array.from({ length: count }, () => host.spawn(WORKER_SOURCE, listener));
  }

  /** From the next run on, thread i has its scratch memory at the i-th address. */
  setScratch(addresses: readonly number[]): void {
    this.scratches = addresses;
  }

  /** Makes the threads release kernels and a program that are no longer used, with the next update. */
  drop(kernels: readonly number[], program: number): void {
    this.dropped.kernels.push(...kernels.filter((id) => this.kernels.delete(id)));
    if (this.programs.delete(program)) this.dropped.programs.push(program);
  }

  /**
   * Runs all steps of a program.
   *
   * @throws TaskFailure if a task failed; later steps are not run
   */
  async run(program: PoolProgram): Promise<void> {
    if (!this.programs.has(program.id) || this.scratches) await this.postUpdate(program);
    const { control } = this;
    await this.waitFor(() => {
      Atomics.store(control, CONTROL.program, program.id);
      Atomics.store(control, CONTROL.step, 0);
      Atomics.store(control, CONTROL.claimed, 0);
      Atomics.store(control, CONTROL.running, 1);
      Atomics.store(control, CONTROL.inside, 0);
      this.wake();
    });
  }

  /** Posts the kernels and words of a program to the threads; resolves when all have received them. */
  private async postUpdate({ id, kernels, words, times }: PoolProgram): Promise<void> {
    const fresh = kernels.filter((kernel) => !this.kernels.has(kernel.id));
    const { control, dropped, scratches } = this;
    const update: Update = {
      ...(this.initialized ? {} : { control, memory: this.memory, threads: this.count }),
      kernels: fresh.map((kernel) => [kernel.id, kernel.module]),
      programs: [[id, { words, times }]],
      dropped,
    };
    this.dropped = { kernels: [], programs: [] };
    this.scratches = null;
    this.initialized = true;
    for (const kernel of fresh) this.kernels.add(kernel.id);
    this.programs.add(id);
    await this.waitFor(() => {
      Atomics.store(control, CONTROL.received, 0);
      // Counted before it is posted: a thread that had processed an uncounted update would wait for another one.
      Atomics.add(control, CONTROL.posted, 1);
      this.threads.forEach((thread, i) => {
        thread.post(scratches ? { ...update, scratch: scratches[i] | 0 } : update);
      });
      this.wake();
    });
  }

  private wake(): void {
    Atomics.add(this.control, CONTROL.epoch, 1);
    Atomics.notify(this.control, CONTROL.epoch);
  }

  private waitFor(start: () => void): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    this.done = false;
    this.failure = null;
    Atomics.store(this.control, CONTROL.failed, 0);
    this.threads[0].keepAlive(true);
    return new Promise((resolve, reject) => {
      this.job = { resolve, reject };
      start();
    });
  }

  private onMessage(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    if ("done" in message) this.done = true;
    if ("failed" in message && "step" in message) {
      this.failure = new TaskFailure(String(message.failed), Number(message.step));
    }
    // A failed run sends two messages, `failed` and `done`, from any two threads in any order.
    if (this.done && (this.failure || Atomics.load(this.control, CONTROL.failed) === 0)) this.finish(this.failure);
  }

  private break(reason: string): void {
    this.broken = new DeviceError(`[wasm] a thread could not be started or terminated: ${reason}`, {
      hint: "In Node, start again with FOVEA_THREADS=1; a page's security policy must allow workers from blob: URLs",
    });
    this.finish(this.broken);
  }

  private finish(error: Error | null): void {
    const { job } = this;
    this.job = null;
    this.threads[0].keepAlive(false);
    if (error) job?.reject(error);
    else job?.resolve();
  }
}
