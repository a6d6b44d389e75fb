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

it("a step without tasks, of an empty tensor, keeps no other step from running", async () => {
  await useDevice("native");
  const program = compile((empty: Tensor, few: Tensor, many: Tensor) => {
    const sum = few.sum();
    return [empty.add(1), sum, many.matmul(many.add(sum))];
  });
  const many = full([256, 256], 0.5);
  for (const value of [1, 2, 3]) {
    const [empty, sum, product] = await program(full([0, 3], 0), full([8], value), many);
    expect((await empty.data()).length).toBe(0);
    expect(await sum.item()).toBe(8 * value);
    expect((await product.data())[7]).toBe(128 * (0.5 + 8 * value));
  }
});
