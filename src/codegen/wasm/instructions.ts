/**
 * The instructions that the encoder uses: name to opcode and kind of immediates, as in the index of
 * instructions of the specification (WebAssembly core 2.0, relaxed SIMD). Must not know kernels.
 */
import type { Bytes } from "./bytes.js";

/**
 * The immediates of an instruction: none, a number, a memory operand (alignment, offset, optionally a lane), or bytes.
 */
type Immediates = "none" | "index" | "integer" | "float" | "double" | "type" | "memory" | "memory lane" | "bytes";
interface Encoding {
  readonly code: readonly number[];
  readonly immediates: Immediates;
  /** log₂ of the alignment of a memory operand, which is the size of its elements. */
  readonly align: number;
}

const core = (code: number, immediates: Immediates = "none", align = 0): Encoding => ({
  code: [code],
  immediates,
  align,
});
/** SIMD opcodes: the prefix byte, then the opcode in LEB128. */
const simd = (code: number, immediates: Immediates = "none", align = 0): Encoding => ({
  code: code < 128 ? [0xfd, code] : [0xfd, (code & 127) | 128, code >> 7],
  immediates,
  align,
});

const encodings = {
  block: core(0x02, "type"),
  loop: core(0x03, "type"),
  if: core(0x04, "type"),
  else: core(0x05),
  end: core(0x0b),
  br_if: core(0x0d, "index"),
  call: core(0x10, "index"),
  select: core(0x1b),
  "local.get": core(0x20, "index"),
  "local.set": core(0x21, "index"),
  "local.tee": core(0x22, "index"),
  "i32.load": core(0x28, "memory", 2),
  "f32.load": core(0x2a, "memory", 2),
  "i32.load8_u": core(0x2d, "memory"),
  "i32.store": core(0x36, "memory", 2),
  "f32.store": core(0x38, "memory", 2),
  "i32.store8": core(0x3a, "memory"),
  "i32.const": core(0x41, "integer"),
  "i64.const": core(0x42, "integer"),
  "f32.const": core(0x43, "float"),
  "f64.const": core(0x44, "double"),
  "i32.eqz": core(0x45),
  "i32.eq": core(0x46),
  "i32.ne": core(0x47),
  "i32.lt_s": core(0x48),
  "i32.lt_u": core(0x49),
  "i32.gt_s": core(0x4a),
  "i32.gt_u": core(0x4b),
  "i32.le_s": core(0x4c),
  "f32.eq": core(0x5b),
  "f32.ne": core(0x5c),
  "f32.lt": core(0x5d),
  "f32.gt": core(0x5e),
  "f32.le": core(0x5f),
  "i32.add": core(0x6a),
  "i32.sub": core(0x6b),
  "i32.mul": core(0x6c),
  "i32.div_u": core(0x6e),
  "i32.rem_s": core(0x6f),
  "i32.rem_u": core(0x70),
  "i32.and": core(0x71),
  "i32.or": core(0x72),
  "i32.xor": core(0x73),
  "i32.shl": core(0x74),
  "i32.shr_s": core(0x75),
  "i32.shr_u": core(0x76),
  "i64.mul": core(0x7e),
  "i64.shr_u": core(0x88),
  "f32.abs": core(0x8b),
  "f32.neg": core(0x8c),
  "f32.floor": core(0x8e),
  "f32.nearest": core(0x90),
  "f32.sqrt": core(0x91),
  "f32.add": core(0x92),
  "f32.sub": core(0x93),
  "f32.mul": core(0x94),
  "f32.div": core(0x95),
  "f64.nearest": core(0x9e),
  "f64.sub": core(0xa1),
  "f64.mul": core(0xa2),
  "f64.div": core(0xa3),
  "i32.wrap_i64": core(0xa7),
  "i64.extend_i32_u": core(0xad),
  "f32.convert_i32_s": core(0xb2),
  "f32.demote_f64": core(0xb6),
  "f64.promote_f32": core(0xbb),
  "i32.reinterpret_f32": core(0xbc),
  "f32.reinterpret_i32": core(0xbe),
  "i32.trunc_sat_f32_s": { code: [0xfc, 0x00], immediates: "none", align: 0 },
  "v128.load": simd(0, "memory", 2),
  "v128.load32_splat": simd(9, "memory", 2),
  "v128.store": simd(11, "memory", 2),
  "v128.const": simd(12, "bytes"),
  "i8x16.shuffle": simd(13, "bytes"),
  "i32x4.splat": simd(17),
  "f32x4.splat": simd(19),
  "i32x4.extract_lane": simd(27, "index"),
  "i32x4.replace_lane": simd(28, "index"),
  "f32x4.extract_lane": simd(31, "index"),
  "f32x4.replace_lane": simd(32, "index"),
  "i32x4.eq": simd(55),
  "i32x4.ne": simd(56),
  "i32x4.lt_s": simd(57),
  "i32x4.lt_u": simd(58),
  "i32x4.le_s": simd(61),
  "f32x4.eq": simd(65),
  "f32x4.ne": simd(66),
  "f32x4.lt": simd(67),
  "f32x4.gt": simd(68),
  "f32x4.le": simd(69),
  "f32x4.ge": simd(70),
  "v128.not": simd(77),
  "v128.and": simd(78),
  "v128.andnot": simd(79),
  "v128.or": simd(80),
  "v128.xor": simd(81),
  "v128.bitselect": simd(82),
  "v128.any_true": simd(83),
  "v128.load8_lane": simd(84, "memory lane"),
  "v128.load32_lane": simd(86, "memory lane", 2),
  "v128.store8_lane": simd(88, "memory lane"),
  "v128.store32_lane": simd(90, "memory lane", 2),
  "v128.load32_zero": simd(92, "memory", 2),
  "f32x4.floor": simd(104),
  "f32x4.nearest": simd(106),
  "i16x8.extend_low_i8x16_u": simd(137),
  "i32x4.abs": simd(160),
  "i32x4.neg": simd(161),
  "i32x4.extend_low_i16x8_u": simd(169),
  "i32x4.shl": simd(171),
  "i32x4.shr_u": simd(173),
  "i32x4.add": simd(174),
  "i32x4.sub": simd(177),
  "i32x4.mul": simd(181),
  "i32x4.min_s": simd(182),
  "i32x4.max_s": simd(184),
  "i64x2.extmul_low_i32x4_u": simd(222),
  "i64x2.extmul_high_i32x4_u": simd(223),
  "f32x4.abs": simd(224),
  "f32x4.neg": simd(225),
  "f32x4.sqrt": simd(227),
  "f32x4.add": simd(228),
  "f32x4.sub": simd(229),
  "f32x4.mul": simd(230),
  "f32x4.div": simd(231),
  "f32x4.pmin": simd(234),
  "f32x4.pmax": simd(235),
  "i32x4.trunc_sat_f32x4_s": simd(248),
  "f32x4.convert_i32x4_s": simd(250),
  "f32x4.relaxed_madd": simd(0x105),
  "f32x4.relaxed_nmadd": simd(0x106),
} as const satisfies Record<string, Encoding>;

export type Op = keyof typeof encodings;
export const isOp = (name: string): name is Op => name in encodings;
export const instructionNames = Object.keys(encodings) as readonly Op[];
export const immediatesOf = (op: Op): Immediates => encodings[op].immediates;

/** Value types and their encodings; "none" is the type of a block without a result. */
export type ValueType = "i32" | "f32" | "v128";
const TYPES: Readonly<Record<ValueType | "none", number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b, none: 0x40 };
export const typeByte = (type: ValueType | "none"): number => TYPES[type];

/**
 * An instruction. `args` stay mutable until the code is encoded, because the offsets of a group of accesses are known
 * only after all of them were emitted. The pseudo-instruction `i32.add_const` adds a constant to an i32; it is encoded
 * as nothing if the constant is 0.
 */
export interface Instruction {
  readonly op: Op | "i32.add_const";
  readonly args: number[];
}

/** Appends the binary form of one instruction to `into`. */
export function encode({ op, args }: Instruction, into: Bytes): void {
  if (op === "i32.add_const") {
    if (args[0] === 0) return;
    encode({ op: "i32.const", args: [args[0]] }, into);
    encode({ op: "i32.add", args: [] }, into);
    return;
  }
  const { code, immediates, align }: Encoding = encodings[op];
  into.byte(...code);
  switch (immediates) {
    case "index":
      into.unsigned(args[0]);
      break;
    case "integer":
      into.signed(args[0] | 0);
      break;
    case "float":
      into.float32(args[0]);
      break;
    case "double":
      into.float64(args[0]);
      break;
    case "type":
    case "bytes":
      into.byte(...args);
      break;
    case "memory":
      into.unsigned(align).unsigned(args[0]);
      break;
    case "memory lane":
      into.unsigned(align).unsigned(args[0]).byte(args[1]);
      break;
  }
}
