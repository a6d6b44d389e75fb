/** The binary format: numbers and instructions as wabt reads them back. */
import { describe, expect, it } from "vitest";
import { Bytes } from "../../src/codegen/wasm/bytes.js";
import { FunctionCode, instruction } from "../../src/codegen/wasm/code.js";
import { encode, type Instruction, immediatesOf, instructionNames } from "../../src/codegen/wasm/instructions.js";
import { watOf } from "../support/wat.js";

/** A module of one function with a memory and the given code, which need not be valid. */
function moduleOf(code: Bytes): Uint8Array {
  const body = new Bytes().unsigned(1).unsigned(1).byte(0x7f).append(code.finish()).byte(0x0b);
  const bytes = new Bytes().byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  bytes.byte(1).block(new Bytes().byte(1, 0x60, 0, 0));
  bytes.byte(3).block(new Bytes().byte(1, 0));
  bytes.byte(5).block(new Bytes().byte(1, 0, 1));
  bytes.byte(10).block(new Bytes().unsigned(1).block(body));
  return bytes.finish();
}

/** The lines of the function's code, as wabt writes them. */
function linesOf(...code: Instruction[]): string[] {
  const bytes = new Bytes();
  for (const each of code) encode(each, bytes);
  const text = watOf(moduleOf(bytes));
  const lines = text.split("\n").map((line) => line.trim());
  const first = lines.findIndex((line) => line.startsWith("(local")) + 1;
  return lines.slice(first, lines.findIndex((line, i) => i >= first && /\)$/.test(line)) + 1);
}
const constant = (value: number): number => {
  const [line] = linesOf(instruction("i32.const", value), instruction("local.get", 0));
  return Number(line.split(" ")[1]);
};

describe("numbers", () => {
  const edges = [0, 1, 63, 64, 127, 128, 8191, 8192, 65535, 2 ** 20, 2 ** 31 - 1];

  it("keep their value as signed LEB128", () => {
    for (const value of [...edges, ...edges.map((x) => -x), -(2 ** 31)]) expect(constant(value)).toBe(value | 0);
  });

  it("wrap to 32 bits", () => {
    expect(constant(2 ** 32 - 1)).toBe(-1);
    expect(constant(2 ** 31)).toBe(-(2 ** 31));
  });

  it("keep their value as unsigned LEB128", () => {
    for (const offset of [...edges, 2 ** 31, 2 ** 32 - 1]) {
      const [line] = linesOf(instruction("i32.load", offset), instruction("local.get", 0));
      expect(line).toBe(offset === 0 ? "i32.load" : `i32.load offset=${offset}`);
    }
  });

  it("keep their bits as floats", () => {
    const bits = (value: number) => [...new Bytes().float32(value).finish()];
    expect(bits(1)).toEqual([0, 0, 0x80, 0x3f]);
    expect(bits(-0)).toEqual([0, 0, 0, 0x80]);
    expect(bits(Number.NaN)).toEqual([0, 0, 0xc0, 0x7f]);
  });

  it("grow the buffer without losing what is in it", () => {
    const bytes = new Bytes();
    for (let i = 0; i < 3000; i++) bytes.byte(i & 255);
    expect([...bytes.finish()]).toEqual(Array.from({ length: 3000 }, (_, i) => i & 255));
  });
});

describe("instructions", () => {
  const args = {
    none: [],
    index: [0],
    integer: [7],
    float: [1],
    double: [1],
    type: [0x40],
    memory: [16],
    "memory lane": [16, 1],
    bytes: Array.from({ length: 16 }, (_, i) => i),
  };
  const closed = new Set(["block", "loop", "if"]);

  it.each(instructionNames.filter((name) => name !== "end" && name !== "else"))("%s is read back", (name) => {
    const made = instruction(name, ...args[immediatesOf(name)]);
    const lines = closed.has(name) ? linesOf(made, instruction("end")) : linesOf(made, instruction("local.get", 0));
    expect(lines[0].split(/[ )]/)[0]).toBe(name);
  });

  it("add a constant only where it is not zero", () => {
    const [first, second] = linesOf(
      instruction("i32.add_const", 5),
      instruction("i32.add_const", 0),
      instruction("local.get", 0),
    );
    expect([first, second]).toEqual(["i32.const 5", "i32.add"]);
  });
});

describe("code", () => {
  it("tees what is set and read at once, and gives locals back", () => {
    const fn = new FunctionCode(1);
    const local = fn.allocate("i32");
    fn.code.push(instruction("i32.const", 1), [instruction("local.set", local)], instruction("local.get", local));
    fn.release(local);
    expect(fn.allocate("i32")).toBe(local);
    expect(fn.allocate("v128")).toBe(2);
    // One run of one i32, one of one v128; const, tee, end.
    expect([...fn.body().finish()]).toEqual([2, 1, 0x7f, 1, 0x7b, 0x41, 1, 0x22, 1, 0x0b]);
  });
});
