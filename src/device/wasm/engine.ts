/**
 * The engine's WebAssembly interface, typed: Node's types lack it, and the browser's types would add all other globals
 * of a page. Also detects features. Must not know Fovea.
 */
import { UnavailableError } from "../../util/errors.js";

/** A compiled module, opaque to Fovea. */
export type WasmModule = object;

export interface WasmMemory {
  /** Grows by pages of 64 KiB; a buffer that is not shared is detached. */
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

/**
 * The engine's WebAssembly interface.
 *
 * @throws UnavailableError if there is none
 */
export function engine(): Engine {
  if (!found) throw new UnavailableError("this JavaScript engine has no WebAssembly", { hint: "Use a newer one" });
  return found;
}

/**
 * A module with one function: `unreachable`, after which the stack may have operands of any type, and the given
 * opcodes.
 */
const moduleOf = (...body: number[]): Uint8Array =>
  Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0a, body.length + 5, 0x01, body.length + 3, 0x00, 0x00, ...body, 0x0b],
  ]);

/** True if the engine has 128-bit vectors (`f32x4.add`). */
export const hasSimd = (): boolean => found?.validate(moduleOf(0xfd, 0xe4, 0x01)) ?? false;
/** True if the engine has fused multiply-add (`f32x4.relaxed_madd`). */
export const hasRelaxedSimd = (): boolean => found?.validate(moduleOf(0xfd, 0x85, 0x02)) ?? false;
