/** A way to ask V8 for a garbage collection without a command-line flag. Knows nothing of devices. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | null = null;

/** Runs a full garbage collection now; finalizers follow soon after. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    collect = typeof found === "function" ? () => found() : () => undefined;
  }
  collect();
}
