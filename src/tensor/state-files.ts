/**
 * How state dicts become files, where there are files: `model.save(path)` works in whatever entry of the package is
 * imported, although modules do not know file formats. Node's entries register the format; pages have none.
 */
import type { TypedArray } from "../ir/dtype.js";
import { ConfigError } from "../util/errors.js";
import type { Tensor } from "./tensor.js";

/** Saved values by key. */
type FileState = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: TypedArray }>>;

/** A format of files. */
export interface StateFiles {
  write(path: string, state: Readonly<Record<string, Tensor>>): Promise<void>;
  read(path: string): Promise<FileState>;
}

let open: (() => Promise<StateFiles>) | undefined;

/** Gives state dicts a format of files, loaded when it is first used. */
export function registerStateFiles(format: () => Promise<StateFiles>): void {
  open = format;
}

/**
 * The format of files.
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
