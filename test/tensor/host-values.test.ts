/** Host values inside compiled functions: what a trace reads is part of its key, what it sets is set by every call. */
import { beforeAll, describe, expect, it } from "vitest";
import { compile, HostValue, noGrad, ones, type Tensor, useDevice } from "../../src/index.js";

describe("a host value", () => {
  beforeAll(() => useDevice("interp"));

  it("that a compiled function reads is read again at every call, and traced once per value", async () => {
    const scale = new HostValue(2);
    let traces = 0;
    const scaled = compile((x: Tensor) => {
      traces++;
      return x.mul(scale.value);
    });
    const read = async () => (await scaled(ones([2]))).toArray();
    expect(await read()).toEqual([2, 2]);
    scale.value = 3;
    expect(await read()).toEqual([3, 3]);
    scale.value = 2;
    expect(await read()).toEqual([2, 2]);
    expect(traces).toBe(2);
  });

  it("that a compiled function sets before it reads it is no part of its key, and is set by every call", async () => {
    const mode = new HostValue("before");
    let traces = 0;
    const step = compile((x: Tensor) => {
      traces++;
      mode.value = "inside";
      return x.mul(mode.value === "inside" ? 5 : 7);
    });
    for (const given of ["before", "other", "before"]) {
      mode.value = given;
      expect(await (await step(ones([1]))).toArray()).toEqual([5]);
      expect(mode.value).toBe("inside");
    }
    expect(traces).toBe(1);
  });

  it("that is read and then set counts as it was before the call", async () => {
    const flag = new HostValue(true);
    const step = compile((x: Tensor) => {
      const before = flag.value;
      flag.value = !before;
      return x.mul(before ? 1 : -1);
    });
    const signs: unknown[] = [];
    for (let i = 0; i < 4; i++) signs.push(await (await step(ones([]))).item());
    expect(signs).toEqual([1, -1, 1, -1]);
    expect(flag.value).toBe(true);
  });

  it("that no trace reads costs nothing: NaN and objects are compared by identity", async () => {
    const [nan, unread] = [new HostValue(Number.NaN), new HostValue({})];
    let traces = 0;
    const step = compile((x: Tensor) => {
      traces++;
      return noGrad(() => x.add(Number.isNaN(nan.value) ? 1 : 0));
    });
    for (let i = 0; i < 3; i++) {
      unread.value = {};
      expect(await (await step(ones([]))).item()).toBe(2);
    }
    expect(traces).toBe(1);
  });
});
