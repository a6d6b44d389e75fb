/**
 * What a device can do at most: multiply-adds on registers only, and bytes through memory. Both are kernels of the loop
 * language like any other, so every device is measured by its own means. Knows no device, no graph, no op.
 */
import * as ix from "../ir/index-math.js";
import {
  constantOf,
  declare,
  type Expr,
  type Kernel,
  LANE,
  load,
  loop,
  nameOf,
  operation,
  register,
  type Stmt,
  set,
  store,
  TASK,
} from "../ir/loops.js";
import type { Program } from "../ir/program.js";
import type { Target } from "../ir/target.js";
import type { Device } from "./device.js";

/** The most that a device does, as measured. */
export interface Peaks {
  /** 10⁹ operations a second, a multiply-add counted as two. */
  readonly gflops: number;
  /** How fast data move, for kernels that touch more and more bytes; the last are more than any cache holds. */
  readonly bandwidths: readonly Bandwidth[];
}

/** Bytes read and written a second by a kernel that touches so many. */
interface Bandwidth {
  readonly bytes: number;
  readonly gigabytesPerSecond: number;
}

/** Twelve chains hide a latency of up to six cycles on two units and leave registers for both factors of 16. */
const CHAINS = 12;
/** Tasks for every thread, so that one that starts late leaves no other waiting. */
const TASKS = 4;
/** Vectors that a chain multiplies in a task: a millisecond or so. */
const TURNS = 1 << 20;
/** Read and written together: from what the second-level cache holds to beyond the last one. */
const TOUCHED_BYTES = [1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20];
/** Tasks of a copy, none of which is too short to be worth claiming. */
const MOST_TASKS = 256;
const LEAST_TASK_BYTES = 64 << 10;
/** The best of many: other programs, clocks that rise and engines that compile in steps all make single ones worse. */
const RUNS = 12;
const LEAST_MS = 150;
const MOST_MS = 500;

const vectorsOf = (index: ix.Index, lanes: number): ix.Index =>
  ix.add(ix.scale(index, lanes), ix.variable({ name: LANE, extent: lanes }));

/** Chains of multiply-adds from values that a compiler cannot know, so that it must do them all. */
export function arithmeticKernel({ lanes, threads }: Target): Kernel {
  const tasks = threads * TASKS;
  const task = ix.variable({ name: TASK, extent: tasks });
  const vector = (i: number) => load("X", "f32", vectorsOf(ix.constant(i), lanes), [], lanes);
  const names = Array.from({ length: CHAINS }, (_, i) => `a${i}`);
  const chains = names.map((name) => register(name, "f32", lanes));
  const [factor, addend] = [register("b", "f32", lanes), register("c", "f32", lanes)];
  const step = (x: Expr): Stmt => set(nameOf(x), operation("add", [operation("mul", [x, factor]), addend]));
  const sum = chains.reduce((a, b) => operation("add", [a, b]));
  const body = [
    declare("b", vector(CHAINS)),
    declare("c", vector(CHAINS + 1)),
    ...names.map((name, i) => declare(name, vector(i))),
    loop({ name: "i", extent: TURNS }, chains.map(step)),
    store("Y", "f32", vectorsOf(task, lanes), sum, lanes),
  ];
  return {
    label: "peak_arithmetic",
    buffers: [
      { name: "X", dtype: "f32", elements: (CHAINS + 2) * lanes, access: "read" },
      { name: "Y", dtype: "f32", elements: tasks * lanes, access: "write" },
    ],
    scratch: [],
    parts: [{ tasks, body }],
    flops: 2 * CHAINS * TURNS * lanes * tasks,
  };
}

/** A copy that changes every value: a plain one would be a library's, with stores that no kernel uses. */
export function bandwidthKernel({ lanes }: Target, touchedBytes: number): Kernel {
  const elements = touchedBytes / 8;
  const tasks = Math.min(MOST_TASKS, touchedBytes / LEAST_TASK_BYTES);
  const share = { name: "i", extent: elements / lanes / tasks };
  const task = ix.variable({ name: TASK, extent: tasks });
  const at = vectorsOf(ix.add(ix.scale(task, share.extent), ix.variable(share)), lanes);
  const value = operation("add", [load("X", "f32", at, [], lanes), constantOf(1, "f32")]);
  return {
    label: "peak_bandwidth",
    buffers: [
      { name: "X", dtype: "f32", elements, access: "read" },
      { name: "Y", dtype: "f32", elements, access: "write" },
    ],
    scratch: [],
    parts: [{ tasks, body: [loop(share, [store("Y", "f32", at, value, lanes)])] }],
    flops: elements,
  };
}

/** Seconds of the fastest of some runs; without values, what is read is first written by the kernel itself. */
async function fastest(device: Device, kernel: Kernel, values?: Float32Array): Promise<number> {
  const [{ elements: given }, { elements }] = kernel.buffers;
  const program: Program = {
    kernels: [kernel],
    steps: [
      {
        kernel: 0,
        slots: [
          { kind: "leaf", leaf: 0 },
          { kind: "output", output: 0 },
        ],
        waits: true,
      },
    ],
    arenaBytes: 0,
    outputs: [{ dtype: "f32", elements }],
    inPlace: [null],
  };
  const executable = await device.load(program, { timed: true });
  const x = device.allocate("f32", given);
  const y = device.allocate("f32", elements);
  try {
    if (values) device.write(x, values);
    else await executable.submit([y], [x]);
    let bestMs = Number.POSITIVE_INFINITY;
    const startMs = performance.now();
    for (let run = 0; run < RUNS || performance.now() - startMs < LEAST_MS; run++) {
      await executable.submit([x], [y]);
      await device.finish();
      bestMs = Math.min(bestMs, executable.stepTimesMs()[0]);
      if (performance.now() - startMs > MOST_MS && run >= 2) break;
    }
    return bestMs / 1e3;
  } finally {
    device.release(x);
    device.release(y);
  }
}

/** The better of two measurements: other programs only ever make one worse. */
export function betterPeaks(a: Peaks, b: Peaks): Peaks {
  const better = a.bandwidths.map(({ bytes, gigabytesPerSecond }, i) => ({
    bytes,
    gigabytesPerSecond: Math.max(gigabytesPerSecond, b.bandwidths[i].gigabytesPerSecond),
  }));
  return { gflops: Math.max(a.gflops, b.gflops), bandwidths: better };
}

/**
 * The most bytes a second for a kernel that touches so many: between the measured sizes on a straight line of logarithms,
 * and never less than what was measured for more.
 */
export function bandwidthFor(bytes: number, { bandwidths }: Peaks): number {
  const rates = bandwidths.map((_, i) => Math.max(...bandwidths.slice(i).map((one) => one.gigabytesPerSecond)));
  const above = bandwidths.findIndex((one) => one.bytes >= bytes);
  if (above <= 0) return rates[above < 0 ? rates.length - 1 : 0];
  const [low, high] = [bandwidths[above - 1].bytes, bandwidths[above].bytes];
  const way = Math.log(bytes / low) / Math.log(high / low);
  return rates[above - 1] ** (1 - way) * rates[above] ** way;
}

/** Measures a device: one or two seconds in which nothing else should run. */
export async function measurePeaks(device: Device): Promise<Peaks> {
  const arithmetic = arithmeticKernel(device.target);
  // Below one, so that chains stay finite, and above zero, so that they do not end in denormal numbers, which are slow.
  const values = Float32Array.from({ length: arithmetic.buffers[0].elements }, (_, i) => ((i % 97) + 1) / 100);
  const seconds = await fastest(device, arithmetic, values);
  const bandwidths: Bandwidth[] = [];
  for (const bytes of TOUCHED_BYTES) {
    const copySeconds = await fastest(device, bandwidthKernel(device.target, bytes));
    bandwidths.push({ bytes, gigabytesPerSecond: bytes / copySeconds / 1e9 });
  }
  return { gflops: arithmetic.flops / seconds / 1e9, bandwidths };
}
