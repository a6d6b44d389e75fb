/**
 * Peak rates of a device: multiply-adds on registers only, and bytes through memory. Both are measured by kernels of
 * the loop language, so every device is measured with its own code generator. Must not know particular devices, graphs
 * or ops.
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

/** The measured peak rates of a device. */
export interface Peaks {
  /** 10⁹ operations per second; a multiply-add counts as two. */
  readonly gflops: number;
  /** Bandwidth by the number of bytes that a kernel touches, ascending; the last exceeds every cache. */
  readonly bandwidths: readonly Bandwidth[];
}

/** The bandwidth, reads plus writes, of a kernel that touches `bytes` bytes. */
interface Bandwidth {
  readonly bytes: number;
  readonly gigabytesPerSecond: number;
}

/**
 * Independent chains: twelve hide a latency of six cycles on two units, and leave registers for the two operands of 16.
 */
const CHAINS = 12;
/** Tasks per thread, so that a thread that starts late does not delay the end. */
const TASKS = 4;
/** Multiply-adds of a chain per task: about one millisecond. */
const ITERATIONS = 1 << 20;
/** Bytes read and written: from the size of the second-level cache to beyond the last-level cache. */
const TOUCHED_BYTES = [1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20];
/** Number of tasks of a copy, and their least size, below which claiming a task dominates. */
const MAX_TASKS = 256;
const MIN_TASK_BYTES = 64 << 10;
/**
 * Number and duration of runs; the best counts, since other processes, rising clocks and tiered compilers slow single
 * runs.
 */
const RUNS = 12;
const MIN_MS = 150;
const MAX_MS = 500;

const vectorsOf = (index: ix.Index, lanes: number): ix.Index =>
  ix.add(ix.scale(index, lanes), ix.variable({ name: LANE, extent: lanes }));

/** A kernel of independent multiply-add chains; operands are loaded, so that the compiler cannot fold them. */
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
    loop({ name: "i", extent: ITERATIONS }, chains.map(step)),
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
    flops: 2 * CHAINS * ITERATIONS * lanes * tasks,
  };
}

/**
 * A kernel that copies values plus 1; compilers replace a plain copy by memcpy, whose streaming stores no kernel uses.
 */
export function bandwidthKernel({ lanes }: Target, touchedBytes: number): Kernel {
  const elements = touchedBytes / 8;
  const tasks = Math.min(MAX_TASKS, touchedBytes / MIN_TASK_BYTES);
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

/** Seconds of the fastest of several runs. Without `values`, the input is first written by the kernel itself. */
async function fastest(device: Device, kernel: Kernel, values?: Float32Array): Promise<number> {
  const [{ elements: inputElements }, { elements }] = kernel.buffers;
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
  const x = device.allocate("f32", inputElements);
  const y = device.allocate("f32", elements);
  try {
    if (values) device.write(x, values);
    else await executable.submit([y], [x]);
    let bestMs = Number.POSITIVE_INFINITY;
    const startMs = performance.now();
    for (let run = 0; run < RUNS || performance.now() - startMs < MIN_MS; run++) {
      await executable.submit([x], [y]);
      await device.finish();
      bestMs = Math.min(bestMs, executable.stepTimesMs()[0]);
      if (performance.now() - startMs > MAX_MS && run >= 2) break;
    }
    return bestMs / 1e3;
  } finally {
    device.release(x);
    device.release(y);
  }
}

/** The element-wise maximum of two measurements: disturbances only lower rates. */
export function betterPeaks(a: Peaks, b: Peaks): Peaks {
  const better = a.bandwidths.map(({ bytes, gigabytesPerSecond }, i) => ({
    bytes,
    gigabytesPerSecond: Math.max(gigabytesPerSecond, b.bandwidths[i].gigabytesPerSecond),
  }));
  return { gflops: Math.max(a.gflops, b.gflops), bandwidths: better };
}

/**
 * The bandwidth in GB/s for a kernel that touches `bytes` bytes: log-log interpolation between the measured sizes, and
 * never less than the bandwidth measured for more bytes.
 */
export function bandwidthFor(bytes: number, { bandwidths }: Peaks): number {
  const rates = bandwidths.map((_, i) => Math.max(...bandwidths.slice(i).map((one) => one.gigabytesPerSecond)));
  const above = bandwidths.findIndex((one) => one.bytes >= bytes);
  if (above <= 0) return rates[above < 0 ? rates.length - 1 : 0];
  const [low, high] = [bandwidths[above - 1].bytes, bandwidths[above].bytes];
  const fraction = Math.log(bytes / low) / Math.log(high / low);
  return rates[above - 1] ** (1 - fraction) * rates[above] ** fraction;
}

/** Measures the peak rates of a device. Takes one or two seconds, in which the machine should be idle. */
export async function measurePeaks(device: Device): Promise<Peaks> {
  const arithmetic = arithmeticKernel(device.target);
  // Between 0 and 1, so that chains neither overflow nor end in denormal numbers, which are slow.
  const values = Float32Array.from({ length: arithmetic.buffers[0].elements }, (_, i) => ((i % 97) + 1) / 100);
  const seconds = await fastest(device, arithmetic, values);
  const bandwidths: Bandwidth[] = [];
  for (const bytes of TOUCHED_BYTES) {
    const copySeconds = await fastest(device, bandwidthKernel(device.target, bytes));
    bandwidths.push({ bytes, gigabytesPerSecond: bytes / copySeconds / 1e9 });
  }
  return { gflops: arithmetic.flops / seconds / 1e9, bandwidths };
}
