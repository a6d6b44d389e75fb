/** How fast devices run programs: off the event loop, one after the other, without losing memory. */
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { useDevice } from "../../src/index.js";
import { compile, full, ones, realize, type Tensor, tensor, Variable, zeros } from "../../src/tensor/index.js";
import { fastDevices } from "../support/devices.js";
import { resultOf, run } from "./child.js";

// Tasks are shared out, and wasm has a pool.
process.env.FOVEA_THREADS = "2";

describe.each(fastDevices)("%s", (device) => {
  beforeAll(() => useDevice(device));

  it("timers fire while a long program runs", async () => {
    const x = full([768, 768], 0.001);
    const program = compile((a: Tensor) => {
      let y = a;
      for (let i = 0; i < 40; i++) y = y.matmul(a);
      return y.sum();
    });
    await program(x);
    let ticks = 0;
    let finished = false;
    const count = (): void => {
      ticks++;
      if (!finished) setImmediate(count);
    };
    const result = program(x).then(() => {
      finished = true;
    });
    setImmediate(count);
    await result;
    // On the event loop there would be a handful of turns, off it there are thousands.
    expect(ticks).toBeGreaterThan(100);
  });

  it("functions awaited together do not disturb each other", async () => {
    const [a, b] = [new Variable(zeros([1000])), new Variable(ones([300]))];
    const shared = new Variable(zeros([]));
    await realize(a, b, shared);
    const first = compile((x: Tensor) => {
      a.assign(a.add(x));
      shared.assign(shared.add(1));
      return a.sum();
    });
    const second = compile((x: Tensor) => {
      b.assign(b.mul(x));
      shared.assign(shared.add(1));
      return b.max();
    });
    const calls = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? first(tensor(2)).then((y) => y.item()) : second(tensor(2)).then((y) => y.item()),
    );
    const results = await Promise.all(calls);
    results.forEach((value, i) => {
      const round = Math.floor(i / 2) + 1;
      expect(value).toBe(i % 2 === 0 ? 2000 * round : 2 ** round);
    });
    expect(await shared.item()).toBe(20);
  });

  it("a program that fails leaves the next one alone", async () => {
    const broken = compile((x: Tensor) => x.reshape([7]));
    const sound = compile((x: Tensor) => x.add(1).sum());
    const [failed, value] = await Promise.allSettled([broken(ones([4])), sound(ones([4]))]);
    expect(failed.status).toBe("rejected");
    expect(value.status === "fulfilled" && (await value.value.item())).toBe(8);
  });

  it("memory returns: live bytes are the same after ten and after five hundred steps", async () => {
    const bytes = z.object({ before: z.number(), after: z.number(), peak: z.number() });
    const { before, after } = await resultOf(run("memory", { FOVEA_DEVICE: device }, ["--expose-gc"]), bytes);
    expect(before).toBeGreaterThan(0);
    expect(after).toBe(before);
  });
});
