/** Same seed, same bits: results do not depend on the number of threads. */
import { expect, it } from "vitest";
import { resultOf, run, trained } from "./child.js";

it("a CNN trained with one and with two threads has the same bits", async () => {
  const runs: { losses: number[]; checkpoint: string }[] = [];
  for (const FOVEA_THREADS of ["1", "2"]) runs.push(await resultOf(run("train", { FOVEA_THREADS }), trained));
  const [one, two] = runs;
  expect(two).toEqual(one);
  expect(one.losses[5]).toBeLessThan(one.losses[1]);
});

it("a number of threads that makes no sense is refused", async () => {
  const { code, stderr } = await run("one", { FOVEA_THREADS: "many" });
  expect(stderr.trim()).toBe('FOVEA_THREADS must be a whole number from 1 to 256, got "many"');
  expect(code).toBe(1);
});
