/**
 * The `interp` device: runs the loop language in float64. With one lane and no templates it is the definition that every
 * other device is compared with, not a way to train; given the target of any other machine it emulates what the compiler
 * makes for that one. An access outside a buffer is an error, memory is NaN until it is written, and tasks and steps that
 * may run in any order do not run in the order of the program. Knows no op and no graph.
 */
import { loadJs } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Program, Slot } from "../../ir/program.js";
import { PROCESSOR_MEMORY, type Target } from "../../ir/target.js";
import { type Device, type DeviceBuffer, type DeviceDescription, type Executable, Turns } from "../../runtime/index.js";
import { DeviceError } from "../../util/errors.js";
import { nextTurn } from "../../util/host.js";

/** f32 values are kept in float64 too: rounding belongs to the devices that are compared with this one. */
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
  ...PROCESSOR_MEMORY,
};

function valuesOf(buffer: DeviceBuffer): Float64Array {
  if ("values" in buffer && buffer.values instanceof Float64Array) return buffer.values;
  throw new DeviceError("[interp] was given a buffer of another device");
}

/** Memory is NaN until something is written to it. */
const memory = (elements: number): Memory => ({
  sizeBytes: elements * 8,
  values: new Float64Array(elements).fill(Number.NaN),
});

/** Temporaries: an array for each place and length; a write to one makes those that share bytes with it NaN. */
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

  /** Values that lie where `written` is about to be stored are lost. */
  overwrite(written: Float64Array): void {
    const all = [...this.arrays.values()];
    const target = all.find(({ values }) => values === written);
    if (!target) return;
    for (const { start, end, values } of all) {
      if (values !== written && start < target.end && target.start < end) values.fill(Number.NaN);
    }
  }
}

/** The longest that other work of the process waits, unless a single kernel takes longer. */
const TURN_MS = 16;

export class InterpDevice implements Device {
  readonly name: string;
  private readonly turns = new Turns();
  private lastTurnMs = performance.now();

  /** @param target the machine to emulate; default none: one lane and no templates */
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
        this.turns.take(async () => {
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
    return this.turns.ended();
  }

  /** Gives the event loop its turn between two steps if it has waited for long. */
  private async yieldNow(): Promise<void> {
    if (performance.now() - this.lastTurnMs <= TURN_MS) return;
    await new Promise<void>((resolve) => nextTurn(resolve));
    this.lastTurnMs = performance.now();
  }
}

/** The steps in another order that a device may choose: of those that need not wait for one another the last first. */
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
