/**
 * The `interp` device: runs the loop language in float64. With one lane and no templates it is the reference (oracle)
 * for all other devices; with the target of another machine it emulates the code that the compiler generates for that
 * machine. To expose faults, an access outside a buffer is an error, memory is NaN until it is written, and tasks and
 * steps that may run in any order run in reverse. Must not know ops or graphs.
 */
import { loadJs } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Program, Slot } from "../../ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../ir/target.js";
import {
  type Device,
  type DeviceBuffer,
  type DeviceDescription,
  type Executable,
  SerialQueue,
} from "../../runtime/index.js";
import { DeviceError } from "../../util/errors.js";
import { nextTurn } from "../../util/host.js";

/**
 * f32 values are stored as float64, unrounded: rounding errors are those of the devices that are compared with this
 * one.
 */
interface Memory extends DeviceBuffer {
  readonly values: Float64Array;
}

const ORACLE: Target = {
  name: "interp",
  lanes: 1,
  registers: 16,
  hoistsLoads: false,
  threads: 1,
  l1Bytes: 32768,
  l2Bytes: 524288,
  templates: false,
  winograd: false,
  decompose: false,
  dtypes: ["f32", "f64", "i32", "u8", "bool"],
  widensFloats: true,
  ...PROCESSOR_MEMORY,
};

function valuesOf(buffer: DeviceBuffer): Float64Array {
  if ("values" in buffer && buffer.values instanceof Float64Array) return buffer.values;
  throw new DeviceError("[interp] the buffer belongs to another device");
}

/** New memory, filled with NaN. */
const memory = (elements: number): Memory => ({
  sizeBytes: elements * 8,
  values: new Float64Array(elements).fill(Number.NaN),
});

/**
 * The arena: an array per offset, dtype and length; a write to one fills the arrays that share bytes with it with NaN.
 */
class Arena {
  private readonly arrays = new Map<string, { start: number; end: number; values: Float64Array }>();

  constructor(private readonly bytes: Target["bytes"]) {}

  array(offset: number, dtype: DType, elements: number): Float64Array {
    const key = `${offset} ${dtype} ${elements}`;
    const end = offset + elements * this.bytes[dtype];
    const known = this.arrays.get(key) ?? { start: offset, end, values: memory(elements).values };
    this.arrays.set(key, known);
    return known.values;
  }

  /** Invalidates the arrays that overlap `written`, which is about to be stored. */
  overwrite(written: Float64Array): void {
    const all = [...this.arrays.values()];
    const target = all.find(({ values }) => values === written);
    if (!target) return;
    for (const { start, end, values } of all) {
      if (values !== written && start < target.end && target.start < end) values.fill(Number.NaN);
    }
  }
}

/** Longest time between two yields to the event loop, unless a single kernel takes longer. */
const YIELD_MS = 16;

export class InterpDevice implements Device {
  readonly name: string;
  private readonly queue = new SerialQueue();
  private lastYieldMs = performance.now();

  /** @param target - the machine to emulate. Default: none, one lane and no templates */
  constructor(readonly target: Target = ORACLE) {
    this.name = target.name;
  }

  allocate(_: DType, elements: number): DeviceBuffer {
    return memory(elements);
  }

  release(): void {
    // The garbage collector owns the arrays.
  }

  write(buffer: DeviceBuffer, values: TypedArray): void {
    valuesOf(buffer).set(values);
  }

  async read(buffer: DeviceBuffer, dtype: DType, elements: number): Promise<TypedArray> {
    return this.peek(buffer, dtype, elements);
  }

  peek(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray {
    const copy = hostArray(dtype, elements);
    copy.set(valuesOf(buffer).subarray(0, elements));
    return copy;
  }

  async load(program: Program): Promise<Executable> {
    const functions = program.kernels.map(loadJs);
    const times = new Float64Array(program.steps.length);
    const arena = new Arena(this.target.bytes);
    return {
      submit: (leaves, outputs) =>
        this.queue.run(async () => {
          const bind = (slot: Slot, dtype: DType, elements: number): Float64Array => {
            if (slot.kind === "arena") return arena.array(slot.offset, dtype, elements);
            return valuesOf(slot.kind === "leaf" ? leaves[slot.leaf] : outputs[slot.output]);
          };
          for (const step of inReverse(program)) {
            await this.yieldNow();
            const { kernel, slots } = program.steps[step];
            const { buffers } = program.kernels[kernel];
            const startMs = performance.now();
            const arrays = slots.map((slot, i) => bind(slot, buffers[i].dtype, buffers[i].elements));
            buffers.forEach(({ access }, i) => {
              if (access === "write") arena.overwrite(arrays[i]);
            });
            functions[kernel](arrays);
            times[step] = performance.now() - startMs;
          }
        }),
      stepTimesMs: () => [...times],
    };
  }

  finish(): Promise<void> {
    return this.queue.idle();
  }

  /** Yields to the event loop between two steps if the last yield is long ago. */
  private async yieldNow(): Promise<void> {
    if (performance.now() - this.lastYieldMs <= YIELD_MS) return;
    await new Promise<void>((resolve) => nextTurn(resolve));
    this.lastYieldMs = performance.now();
  }
}

/** Another valid order of the steps: steps that do not wait for each other are reversed. */
function inReverse({ steps }: Program): number[] {
  const phases: number[][] = [];
  steps.forEach(({ waits }, step) => {
    if (waits || phases.length === 0) phases.push([]);
    phases[phases.length - 1].unshift(step);
  });
  return phases.flat();
}

export function describe(): DeviceDescription {
  return { name: "interp", available: true, details: { precision: "float64", use: "reference for tests" } };
}
