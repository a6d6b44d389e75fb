/**
 * The engine's WebAssembly interface, typed: Node's types leave it out, and the browser's would bring every other global
 * of a page with them. Also what the engine can do. Knows nothing of Fovea.
 */
import { UnavailableError } from "../../util/errors.js";

/** Compiled code; only the engine looks inside. */
export type WasmModule = object;

export interface WasmMemory {
  /** Grows by pages of 64 KiB; a buffer that is not shared detaches. */
  grow(pages: number): number;
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

interface Engine {
  readonly Memory: new (options: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  readonly Instance: new (
    module: WasmModule,
    imports: { fovea: { memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<WasmModule>;
}

const found = (globalThis as unknown as { readonly WebAssembly?: Engine }).WebAssembly;

/** The engine; only for those who know that it is there. */
export function engine(): Engine {
  if (!found) throw new UnavailableError("this JavaScript engine has no WebAssembly", { hint: "Use a newer one" });
  return found;
}

/** A module of one function; its body stands behind an `unreachable`, so that any operands are at hand. */
const moduleOf = (...body: number[]): Uint8Array =>
  Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0a, body.length + 5, 0x01, body.length + 3, 0x00, 0x00, ...body, 0x0b],
  ]);

/** Whether there are vectors of 128 bits: `f32x4.add`. */
export const hasSimd = (): boolean => found?.validate(moduleOf(0xfd, 0xe4, 0x01)) ?? false;
/** Whether there is fused multiply-add: `f32x4.relaxed_madd`. */
export const hasRelaxedSimd = (): boolean => found?.validate(moduleOf(0xfd, 0x85, 0x02)) ?? false;
