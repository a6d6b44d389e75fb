/**
 * The module of wasm-peak.ts, assembled by hand:
 *
 *   (func (export "chains") (param $count i32) (param $x f32) (param $y f32) (result f32)
 *     (local $b v128) (local $c v128) (local $a0 v128) …
 *     $b = f32x4.splat $x; $c = f32x4.splat $y; every $a = $c
 *     (loop  every $a = f32x4.relaxed_madd $b $c $a      — or f32x4.add (f32x4.mul $a $b) $c without it
 *            $count = $count - 1; (br_if 0 $count))
 *     f32x4.extract_lane 0 of the sum of all $a)
 *
 * Fused, the chain runs through the addend, which is the operand that x64's instruction overwrites. Not fused, it runs
 * through both operations, since an engine may compute a product of constants once.
 */

const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];
const [COUNT, X, Y, B, C, FIRST_CHAIN] = [0, 1, 2, 3, 4, 5];

const SPLAT = [0xfd, 0x13];
const EXTRACT_0 = [0xfd, 0x1f, 0x00];
const ADD = [0xfd, 0xe4, 0x01];
const MUL = [0xfd, 0xe6, 0x01];
const RELAXED_MADD = [0xfd, 0x85, 0x02];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
/** A length below 16,384, LEB128. */
const size = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
const section = (id: number, ...content: number[]) => [id, ...size(content.length), ...content];
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** The bytes of the module with `chains` independent chains. */
export function wasmPeakModule(chains: number, fused: boolean): Uint8Array {
  const locals = Array.from({ length: chains }, (_, i) => FIRST_CHAIN + i);
  const step = (a: number) =>
    fused
      ? [...get(B), ...get(C), ...get(a), ...RELAXED_MADD, ...set(a)]
      : [...get(a), ...get(B), ...MUL, ...get(C), ...ADD, ...set(a)];
  const code = [
    ...[1, 2 + chains, V128], // one run of locals: b, c and the chains
    ...[...get(X), ...SPLAT, ...set(B)],
    ...[...get(Y), ...SPLAT, ...set(C)],
    ...locals.flatMap((a) => [...get(C), ...set(a)]),
    ...[0x03, 0x40], // loop
    ...locals.flatMap(step),
    ...[...get(COUNT), 0x41, 0x01, 0x6b, 0x22, COUNT], // count - 1, kept
    ...[0x0d, 0x00], // br_if 0
    0x0b,
    ...get(locals[0]),
    ...locals.slice(1).flatMap((a) => [...get(a), ...ADD]),
    ...EXTRACT_0,
    0x0b,
  ];
  const name = [...new TextEncoder().encode("chains")];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, 1, 0x60, 3, I32, F32, F32, 1, F32), // one type
    ...section(3, 1, 0), // one function of it
    ...section(7, 1, name.length, ...name, 0x00, 0), // exported
    ...section(10, 1, ...size(code.length), ...code),
  ]);
}

/** A module that is valid where there is relaxed multiply-add. */
export const relaxedProbe: Uint8Array = wasmPeakModule(1, true);
