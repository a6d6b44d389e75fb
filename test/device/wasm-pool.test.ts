/** The pool of threads by itself, with kernels written by hand: every task once, steps in order, failures told. */
import { describe, expect, it } from "vitest";
import type { Host } from "../../src/device/wasm/host.js";
import { type CompiledKernel, KernelStore } from "../../src/device/wasm/kernels.js";
import { LocalRunner } from "../../src/device/wasm/local-runner.js";
import { BlockMemory } from "../../src/device/wasm/memory.js";
import { openNodeHost } from "../../src/device/wasm/node-host.js";
import { Pool, type PoolProgram, type TaskFailure } from "../../src/device/wasm/pool.js";
import { countTasks, passOn, trapAt } from "../support/wasm-kernels.js";

const host = openNodeHost();
let ids = 0;

interface Step {
  readonly kernel: CompiledKernel;
  readonly buffers: readonly number[];
  readonly tasks: number;
}

/** A memory, its kernels, and a way to run steps on it. */
function setUp(threads: number, on: Host = host) {
  const memory = new BlockMemory({ shared: threads > 1, lowBytes: 65536 });
  const store = new KernelStore(memory.memory);
  const pool = threads > 1 ? new Pool(on, memory.memory, threads) : null;
  const local = new LocalRunner();
  pool?.setScratch(Array.from({ length: threads }, () => memory.allocate(64)));
  const program = (steps: readonly Step[], times: Float64Array | null = null) => {
    const words = steps.flatMap(({ kernel, buffers, tasks }) => {
      const table = memory.allocate(buffers.length * 4);
      memory.words(table, buffers.length).set(buffers);
      return [kernel.id, table, tasks];
    });
    return { id: ids++, kernels: steps.map(({ kernel }) => kernel), words: Int32Array.from(words), times };
  };
  const run = (it: PoolProgram & { readonly kernels: readonly CompiledKernel[] }) =>
    pool ? pool.run(it) : local.run(it);
  const buffer = (elements: number): number => {
    const address = memory.allocate(elements * 4);
    memory.words(address, elements).fill(0);
    return address;
  };
  const values = (address: number, elements: number) => [...memory.words(address, elements)];
  return { memory, store, pool, program, run, buffer, values, shared: threads > 1 };
}

describe.each([1, 2, 3, 7])("%i threads", (threads) => {
  it("run every task exactly once, few or many", async () => {
    const { store, program, run, buffer, values, shared } = setUp(threads);
    const kernel = await store.get(countTasks(shared), "count");
    for (const tasks of [1, 2, 3, 5, 63, 10_000]) {
      const counts = buffer(tasks);
      const counting = program([{ kernel, buffers: [counts, counts], tasks }]);
      for (let i = 0; i < 20; i++) await run(counting);
      expect(values(counts, tasks)).toEqual(Array(tasks).fill(20));
    }
  });

  it("finish a step before they begin the next", async () => {
    const { store, program, run, buffer, values, shared } = setUp(threads);
    for (const n of [1, 2, 9, 700]) {
      const kernel = await store.get(passOn(n, shared), "pass");
      const [a, b] = [buffer(n), buffer(n)];
      const steps = Array.from({ length: 300 }, (_, i) => ({ kernel, buffers: i % 2 ? [b, a] : [a, b], tasks: n }));
      const passing = program(steps);
      for (let i = 0; i < 10; i++) await run(passing);
      expect(values(a, n)).toEqual(Array(n).fill(3000));
    }
  });

  it("tell which step failed, leave out those behind it, and go on with the next run", async () => {
    const { store, program, run, buffer, values, shared } = setUp(threads);
    const [count, trap] = [await store.get(countTasks(shared), "count"), await store.get(trapAt(77, shared), "trap")];
    const counts = buffer(100);
    const step = { kernel: count, buffers: [counts, counts], tasks: 100 };
    const failing = program([step, { ...step, kernel: trap }, step]);
    for (let i = 1; i <= 5; i++) {
      const failure = await run(failing).then(
        () => null,
        (error: TaskFailure) => error,
      );
      expect(failure?.message).toContain("unreachable");
      expect(failure?.step).toBe(1);
      expect(values(counts, 100)).toEqual(Array(100).fill(i));
    }
    await run(program([step]));
    expect(values(counts, 100)).toEqual(Array(100).fill(6));
  });

  it("see memory that was added after they started", async () => {
    const { memory, store, program, run, buffer, values, shared } = setUp(threads);
    const kernel = await store.get(countTasks(shared), "count");
    const first = buffer(50);
    const before = program([{ kernel, buffers: [first, first], tasks: 50 }]);
    await run(before);
    const grown = memory.grownBytes;
    const far = buffer(grown);
    expect(memory.grownBytes).toBeGreaterThan(grown);
    const last = far + (grown - 50) * 4;
    await run(program([{ kernel, buffers: [last, last], tasks: 50 }]));
    await run(before);
    expect(values(last, 50)).toEqual(Array(50).fill(1));
    expect(values(first, 50)).toEqual(Array(50).fill(2));
  });

  it("tell when steps began and ended", async () => {
    const { store, program, run, buffer, shared } = setUp(threads);
    const kernel = await store.get(countTasks(shared), "count");
    const counts = buffer(1000);
    const step = { kernel, buffers: [counts, counts], tasks: 1000 };
    const times = new Float64Array(new SharedArrayBuffer(48));
    await run(program([step, step, step], times));
    expect([...times]).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(0);
  });
});

it("threads may receive an update long before the others", async () => {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const slow: Host = {
    ...host,
    spawn: (source, listener) => {
      const thread = host.spawn(source, listener);
      const post = (letter: unknown): void => {
        thread.post(letter);
        Atomics.wait(pause, 0, 0, 100);
      };
      return { ...thread, post };
    },
  };
  const { store, program, run, buffer, values } = setUp(2, slow);
  const counts = buffer(100);
  for (let i = 1; i <= 3; i++) {
    const kernel = await store.get(countTasks(true), "count");
    await run(program([{ kernel, buffers: [counts, counts], tasks: 100 }]));
    expect(values(counts, 100)).toEqual(Array(100).fill(i));
  }
});

it("steps stay in order when threads stall between any two of their operations", async () => {
  // Every operation on the control block may be followed by a nap, in which the others go on for steps or runs.
  const stalls = `const stalling = Object.fromEntries(["load", "store", "add", "sub", "exchange", "compareExchange"].map(
    (name) => [name, (...operands) => {
      const result = Atomics[name](...operands);
      if (Math.random() < 0.03) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random());
      return result;
    }]));
  Object.assign(stalling, { wait: Atomics.wait, notify: Atomics.notify });\n`;
  const sleepy: Host = {
    ...host,
    spawn: (source, listener) => host.spawn(stalls + source.replaceAll("Atomics.", "stalling."), listener),
  };
  const { store, program, run, buffer, values } = setUp(4, sleepy);
  for (const n of [1, 2, 5, 40]) {
    const kernel = await store.get(passOn(n, true), "pass");
    const [a, b] = [buffer(n), buffer(n)];
    const steps = Array.from({ length: 20 }, (_, i) => ({ kernel, buffers: i % 2 ? [b, a] : [a, b], tasks: n }));
    const passing = program(steps);
    for (let i = 1; i <= 15; i++) {
      await run(passing);
      expect(values(a, n)).toEqual(Array(n).fill(20 * i));
    }
  }
});

it("a thread that breaks is an error for this run and for all later ones", async () => {
  const fragile: Host = {
    ...host,
    spawn: (_, listener) => host.spawn('throw new Error("no kernels today")', listener),
  };
  const { store, program, run, buffer } = setUp(2, fragile);
  const kernel = await store.get(countTasks(true), "count");
  const counts = buffer(1);
  const counting = program([{ kernel, buffers: [counts, counts], tasks: 1 }]);
  for (let i = 0; i < 2; i++) await expect(run(counting)).rejects.toThrow("no kernels today");
});

it("kernels that nobody uses any more are forgotten", async () => {
  const { store, pool, program, run, buffer } = setUp(2);
  const counts = buffer(10);
  const kernel = await store.get(countTasks(true), "count");
  expect(await store.get(countTasks(true), "count again")).toBe(kernel);
  const counting = program([{ kernel, buffers: [counts, counts], tasks: 10 }]);
  await run(counting);
  expect(store.release([kernel])).toEqual([]);
  expect(store.release([kernel])).toEqual([kernel]);
  expect(store.size).toBe(0);
  pool?.drop([kernel.id], counting.id);
  const again = await store.get(countTasks(true), "count");
  expect(again).not.toBe(kernel);
  await run(program([{ kernel: again, buffers: [counts, counts], tasks: 10 }]));
});
