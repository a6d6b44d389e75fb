/**
 * The pool of threads as the calling thread sees it: it hands out work by writing into the control block, and hears by
 * message that it is done, so it never blocks. One job at a time; callers see to that. Knows kernels as modules and
 * programs as words; the other side of the protocol is worker-source.ts.
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

/** Steps as words: the kernel's id, the address of its table, its tasks. */
export interface PoolProgram {
  readonly id: number;
  readonly kernels: readonly PoolKernel[];
  readonly words: Int32Array;
  /** Begin and end of every step in milliseconds, if somebody wants them; in shared memory. */
  readonly times: Float64Array | null;
}

/** What went wrong with a task. */
export class TaskFailure extends Error {
  constructor(
    message: string,
    readonly step: number,
  ) {
    super(message);
  }
}

interface Letter {
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
  /** What the threads have. */
  private readonly kernels = new Set<number>();
  private readonly programs = new Set<number>();
  private dropped: { kernels: number[]; programs: number[] } = { kernels: [], programs: [] };
  private scratches: readonly number[] | null = null;
  private introduced = false;
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
      message: (message: unknown) => this.hear(message),
      failed: (reason: string) => this.break(reason),
    };
    this.threads = Array.from({ length: count }, () => host.spawn(WORKER_SOURCE, listener));
  }

  /** From the next run on, thread i has its scratch memory at the i-th address. */
  setScratch(addresses: readonly number[]): void {
    this.scratches = addresses;
  }

  /** Lets the threads forget kernels and programs that nobody runs any more. */
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
    if (!this.programs.has(program.id) || this.scratches) await this.write(program);
    const { control } = this;
    await this.await(() => {
      Atomics.store(control, CONTROL.program, program.id);
      Atomics.store(control, CONTROL.step, 0);
      Atomics.store(control, CONTROL.claimed, 0);
      Atomics.store(control, CONTROL.running, 1);
      Atomics.store(control, CONTROL.inside, 0);
      this.announce();
    });
  }

  /** Posts what the threads lack for a program; all have it when the promise is resolved. */
  private async write({ id, kernels, words, times }: PoolProgram): Promise<void> {
    const fresh = kernels.filter((kernel) => !this.kernels.has(kernel.id));
    const { control, dropped, scratches } = this;
    const letter: Letter = {
      ...(this.introduced ? {} : { control, memory: this.memory, threads: this.count }),
      kernels: fresh.map((kernel) => [kernel.id, kernel.module]),
      programs: [[id, { words, times }]],
      dropped,
    };
    this.dropped = { kernels: [], programs: [] };
    this.scratches = null;
    this.introduced = true;
    for (const kernel of fresh) this.kernels.add(kernel.id);
    this.programs.add(id);
    await this.await(() => {
      Atomics.store(control, CONTROL.read, 0);
      // Counted first: a thread that has read a letter which is not counted yet would wait for another.
      Atomics.add(control, CONTROL.mail, 1);
      this.threads.forEach((thread, i) => {
        thread.post(scratches ? { ...letter, scratch: scratches[i] | 0 } : letter);
      });
      this.announce();
    });
  }

  private announce(): void {
    Atomics.add(this.control, CONTROL.news, 1);
    Atomics.notify(this.control, CONTROL.news);
  }

  private await(start: () => void): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    this.done = false;
    this.failure = null;
    Atomics.store(this.control, CONTROL.failed, 0);
    this.threads[0].hold(true);
    return new Promise((resolve, reject) => {
      this.job = { resolve, reject };
      start();
    });
  }

  private hear(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    if ("done" in message) this.done = true;
    if ("failed" in message && "step" in message) {
      this.failure = new TaskFailure(String(message.failed), Number(message.step));
    }
    // Of a failed run there are two messages, from any two threads, in any order.
    if (this.done && (this.failure || Atomics.load(this.control, CONTROL.failed) === 0)) this.finish(this.failure);
  }

  private break(reason: string): void {
    this.broken = new DeviceError(`[wasm] a thread could not be started or broke: ${reason}`, {
      hint: "In Node, start again with FOVEA_THREADS=1; a page's policy must allow workers from blob: addresses",
    });
    this.finish(this.broken);
  }

  private finish(error: Error | null): void {
    const { job } = this;
    this.job = null;
    this.threads[0].hold(false);
    if (error) job?.reject(error);
    else job?.resolve();
  }
}
