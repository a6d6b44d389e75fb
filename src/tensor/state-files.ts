/**
 * The file format of state dicts: `model.save(path)` works with every entry point of the package, although modules do
 * not know file formats. Node's entry points register the format; pages have none.
 */
import type { TypedArray } from "../ir/dtype.js";
import { ConfigError } from "../util/errors.js";
import type { Tensor } from "./tensor.js";

/** Saved values by key. */
type FileState = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: TypedArray }>>;

/** A file format for state dicts. */
export interface StateFiles {
  write(path: string, state: Readonly<Record<string, Tensor>>): Promise<void>;
  read(path: string): Promise<FileState>;
}

let open: (() => Promise<StateFiles>) | undefined;

/** Registers the file format, which is loaded at the first use. */
export function registerStateFiles(format: () => Promise<StateFiles>): void {
  open = format;
}

/**
 * The registered file format.
 *
 * @throws ConfigError in a page
 */
export function stateFiles(op: "save" | "load"): Promise<StateFiles> {
  if (open) return open();
  const hint =
    op === "save"
      ? "Offer the bytes of encodeSafetensors(await readTensors(model.stateDict())) as a download"
      : "Fetch the bytes, and pass decodeSafetensors(bytes, name).tensors to loadStateDict";
  throw new ConfigError(`[${op}] there are no files here`, { hint });
}
