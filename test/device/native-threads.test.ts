/** The threads of the native device: sent to cores of their own where needed, never kept on them. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { compile, full, type Tensor, useDevice } from "../../src/index.js";

/** The cores on which each thread of this process may run. */
function allowedCores(): string[] {
  return readdirSync("/proc/self/task").map((id) => {
    const status = readFileSync(`/proc/self/task/${id}/status`, "utf8");
    return /^Cpus_allowed:\s*(\S+)/m.exec(status)?.[1] ?? "unknown";
  });
}

it.runIf(process.platform === "linux")(
  "after a run every thread may go to every core that the process may",
  async () => {
    await useDevice("native");
    const before = new Set(allowedCores());
    expect(before.size).toBe(1);
    const x = full([256, 256], 0.01);
    const program = compile((a: Tensor) => {
      let y = a;
      for (let i = 0; i < 20; i++) y = y.matmul(a);
      return y.sum();
    });
    for (let i = 0; i < 20; i++) {
      await program(x);
      // Long enough for workers to fall asleep, from which they are sent where the caller is not.
      if (i % 5 === 4) await sleep(10);
    }
    await sleep(10);
    expect(new Set(allowedCores())).toEqual(before);
  },
);
