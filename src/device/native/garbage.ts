/**
 * Runs V8's garbage collection without a command-line flag. Must not know devices.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | null = null;

/** Runs a full garbage collection now; finalizers run soon after. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    collect = typeof found === "function" ? () => found() : () => undefined;
  }
  collect();
}
