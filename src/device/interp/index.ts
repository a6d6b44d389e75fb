/**
 * The `interp` device: runs the loop language in float64, one scalar at a time. It is the definition that every other
 * device is compared with, not a way to train. Knows no op and no graph.
 */
import { printJs } from "../../codegen/index.js";
import { type DType, hostArray, type TypedArray } from "../../ir/dtype.js";
import type { Kernel } from "../../ir/loops.js";
import type { Program, Slot } from "../../ir/program.js";
import { type ScalarName, scalarNames, scalarOps } from "../../ir/scalar.js";
import type { Target } from "../../ir/target.js";
import type { Device, DeviceBuffer, DeviceDescription, Executable } from "../../runtime/index.js";
import { DeviceError } from "../../util/errors.js";

type Meanings = Partial<Record<ScalarName, (...x: number[]) => number>>;
type Run = (buffers: readonly Float64Array[], meaning: Meanings, integer: Meanings) => void;

/** f32 values are kept in float64 too: rounding belongs to the devices that are compared with this one. */
interface Memory extends DeviceBuffer {
  readonly values: Float64Array;
}

const target: Target = {
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
};

function valuesOf(buffer: DeviceBuffer): Float64Array {
  if ("values" in buffer && buffer.values instanceof Float64Array) return buffer.values;
  throw new DeviceError("[interp] was given a buffer of another device");
}

const meaning: Meanings = {};
const integer: Meanings = {};
for (const name of scalarNames) {
  meaning[name] = scalarOps[name].meaning;
  const wrapping = scalarOps[name].integerMeaning;
  if (wrapping) integer[name] = wrapping;
}

function compile(kernel: Kernel): Run {
  return new Function("buffers", "meaning", "integer", printJs(kernel)) as Run;
}

const memory = (elements: number): Memory => ({ sizeBytes: elements * 8, values: new Float64Array(elements) });

export class InterpDevice implements Device {
  readonly name = "interp";
  readonly target = target;

  allocate(_: DType, elements: number): DeviceBuffer {
    return memory(elements);
  }

  release(): void {
    // The garbage collector owns the arrays.
  }

  write(buffer: DeviceBuffer, values: TypedArray): void {
    valuesOf(buffer).set(values);
  }

  read(buffer: DeviceBuffer, dtype: DType, elements: number): TypedArray {
    const copy = hostArray(dtype, elements);
    copy.set(valuesOf(buffer).subarray(0, elements));
    return copy;
  }

  async prepare(program: Program): Promise<Executable> {
    const functions = program.kernels.map(compile);
    const times = new Float64Array(program.steps.length);
    return {
      run: async (leaves, outputs) => {
        // Temporaries are separate arrays here, keyed by where the memory plan put them and how long they are.
        const arena = new Map<string, Float64Array>();
        const bind = (slot: Slot, elements: number): Float64Array => {
          if (slot.kind === "leaf") return valuesOf(leaves[slot.leaf]);
          if (slot.kind === "output") return valuesOf(outputs[slot.output]);
          const key = `${slot.offset}:${elements}`;
          const known = arena.get(key) ?? new Float64Array(elements);
          arena.set(key, known);
          return known;
        };
        for (const [step, { kernel, slots }] of program.steps.entries()) {
          const startMs = performance.now();
          const { buffers } = program.kernels[kernel];
          functions[kernel](
            slots.map((slot, i) => bind(slot, buffers[i].elements)),
            meaning,
            integer,
          );
          times[step] = performance.now() - startMs;
        }
      },
      stepTimesMs: () => [...times],
    };
  }
}

export function describe(): DeviceDescription {
  return { name: "interp", available: true, details: { precision: "float64", use: "reference for tests" } };
}
