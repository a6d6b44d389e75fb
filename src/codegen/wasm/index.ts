/**
 * Kernels as WebAssembly modules: a function per part that runs one task, and a function that runs a range of tasks.
 * The module imports its memory and allocates none. Must not know devices.
 */
import type { Kernel } from "../../ir/loops.js";
import { scratchLayout } from "../scratch.js";
import { Bytes } from "./bytes.js";
import { type Code, FunctionCode, instruction } from "./code.js";
import { PartEmitter, type WasmOptions } from "./emitter.js";
import { typeByte } from "./instructions.js";

export { LOW_BYTES } from "./address-locals.js";
export type { WasmOptions } from "./emitter.js";

/** Pages of 64 KiB in the 32-bit address space. */
const MAX_PAGES = 65536;

const vector = (items: readonly Bytes[]): Bytes => {
  const bytes = new Bytes().unsigned(items.length);
  for (const item of items) bytes.append(item.finish());
  return bytes;
};

const functionType = (parameters: number): Bytes => {
  const bytes = new Bytes().byte(0x60).unsigned(parameters);
  for (let i = 0; i < parameters; i++) bytes.byte(typeByte("i32"));
  return bytes.unsigned(0);
};

/** Indices of the module's function types. */
const PART_TYPE = 0;
const KERNEL_TYPE = 1;

/** `kernel(table, first, last, scratch)`: runs the tasks of each part that lie in [first, last). */
function dispatch(kernel: Kernel): FunctionCode {
  const [table, first, last, scratch] = [0, 1, 2, 3];
  const fn = new FunctionCode(4);
  const [task, end] = [fn.local("i32"), fn.local("i32")];
  const get = (local: number) => instruction("local.get", local);
  const number = (value: number) => instruction("i32.const", value);
  /** The larger or smaller of a parameter and a constant. */
  const limit = (local: number, value: number, comparison: "i32.gt_s" | "i32.lt_s"): Code => [
    ...[get(local), number(value), get(local), number(value)],
    ...[instruction(comparison), instruction("select")],
  ];
  let start = 0;
  kernel.parts.forEach(({ tasks }, part) => {
    fn.code.push(limit(first, start, "i32.gt_s"), instruction("local.set", task));
    fn.code.push(limit(last, start + tasks, "i32.lt_s"), instruction("local.set", end));
    const more = [get(task), get(end), instruction("i32.lt_s")];
    fn.code.push(more, instruction("if", typeByte("none")), instruction("loop", typeByte("none")));
    fn.code.push(get(table), get(scratch), get(task), instruction("i32.add_const", -start), instruction("call", part));
    fn.code.push(get(task), instruction("i32.add_const", 1), instruction("local.set", task));
    fn.code.push(more, instruction("br_if", 0), instruction("end"), instruction("end"));
    start += tasks;
  });
  return fn;
}

/** The name section, for disassemblers and profilers. */
function names(kernel: Kernel): Bytes {
  const functions = [...kernel.parts.map((_, i) => `part${i}`), "kernel"];
  const entries = functions.map((name, i) => new Bytes().unsigned(i).name(name));
  return new Bytes().name("name").byte(0).block(new Bytes().name(kernel.label)).byte(1).block(vector(entries));
}

/**
 * Bytes of a module that imports the memory `fovea.memory` and exports `kernel(table, first, last, scratch)`: `table`
 * is the address of an array of i32 addresses, one per buffer of the kernel; tasks [first, last) are numbered through
 * all parts in order; `scratch` is the address of memory private to the thread. No buffer may lie below `LOW_BYTES`.
 *
 * @throws FoveaError if the kernel uses f64 or vectors of other than four lanes, which WebAssembly lacks
 */
export function encodeWasm(kernel: Kernel, options: WasmOptions): Uint8Array {
  const { parts } = kernel;
  const scratchAt = scratchLayout(kernel).offsets;
  const functions = [...parts.map((part) => new PartEmitter(kernel, scratchAt, options).part(part)), dispatch(kernel)];
  const memory = new Bytes().name("fovea").name("memory").byte(2);
  if (options.shared) memory.byte(3).unsigned(1).unsigned(MAX_PAGES);
  else memory.byte(0).unsigned(1);
  const types = functions.map((_, i) => new Bytes().unsigned(i < parts.length ? PART_TYPE : KERNEL_TYPE));
  const sections: readonly (readonly [id: number, content: Bytes])[] = [
    [1, vector([functionType(3), functionType(4)])],
    [2, vector([memory])],
    [3, vector(types)],
    [7, vector([new Bytes().name("kernel").byte(0).unsigned(parts.length)])],
    [10, vector(functions.map((fn) => new Bytes().block(fn.body())))],
    [0, names(kernel)],
  ];
  const bytes = new Bytes().byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  for (const [id, content] of sections) bytes.byte(id).block(content);
  return bytes.finish();
}
