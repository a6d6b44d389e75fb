/** Same seed, same bits: results do not depend on the number of threads. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fastDevices } from "../support/devices.js";
import { resultOf, run, trained } from "./child.js";

describe.each(fastDevices)("on %s", (FOVEA_DEVICE) => {
  it("a CNN trained with one, two and three threads has the same bits", async () => {
    const runs: { losses: number[]; checkpoint: string }[] = [];
    for (const FOVEA_THREADS of ["1", "2", "3"]) {
      runs.push(await resultOf(run("train", { FOVEA_DEVICE, FOVEA_THREADS }), trained));
    }
    const [one, two, three] = runs;
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    expect(one.losses[5]).toBeLessThan(one.losses[1]);
  });

  it("products that are cut into parts or run side by side have the same bits, again and again", async () => {
    const found = new Set<string>();
    for (const FOVEA_THREADS of ["1", "2", "3", "8"]) {
      const hashes = await resultOf(run("products", { FOVEA_DEVICE, FOVEA_THREADS }), z.array(z.string()));
      for (const hash of hashes) found.add(hash);
    }
    expect(found.size).toBe(1);
  });

  it("a number of threads that makes no sense is refused", async () => {
    const { code, stderr } = await run("one", { FOVEA_DEVICE, FOVEA_THREADS: "many" });
    expect(stderr.trim()).toBe('FOVEA_THREADS must be a whole number from 1 to 256, got "many"');
    expect(code).toBe(1);
  });
});
