/** In-place updates of variables that read each other: whatever the compiler merges, every reader sees the old value. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { compile, full, ones, realize, type Tensor, Variable } from "../../src/tensor/index.js";
import { devices } from "../support/devices.js";

const first = async (x: Tensor): Promise<number> => (await x.data())[0];

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  describe.each([[[]], [[1]], [[8]], [[64]], [[5, 7]]])("variables of shape %j", (shape) => {
    const variable = (value: number) => new Variable(full(shape, value));

    it("two variables exchange their values", async () => {
      const [a, b] = [variable(1), variable(2)];
      await realize(a, b);
      const exchange = compile(() => {
        const [x, y] = [b.add(0.25), a.add(0.5)];
        a.assign(x);
        b.assign(y);
      });
      await exchange();
      expect([await first(a), await first(b)]).toEqual([2.25, 1.5]);
      await exchange();
      expect([await first(a), await first(b)]).toEqual([1.75, 2.75]);
    });

    it("a value from before an update is kept", async () => {
      const [x, before] = [variable(1), variable(0)];
      await realize(x, before);
      const step = compile(() => {
        const old = x.mul(10);
        x.assign(x.add(1));
        before.assign(old);
      });
      await step();
      await step();
      expect([await first(x), await first(before)]).toEqual([3, 20]);
    });

    it("an update made in the same loop as another does not overwrite what that one reads", async () => {
      const [x, y, mixed] = [variable(1), variable(5), variable(0)];
      await realize(x, y, mixed);
      const step = compile(() => {
        const old = x.mul(1);
        x.assign(y.mul(2));
        mixed.assign(x.mul(3).add(old));
      });
      await step();
      expect([await first(x), await first(mixed)]).toEqual([10, 31]);
    });

    it("an update behind a reduction does not overwrite what its followers read", async () => {
      const [x, mixed] = [variable(1), variable(0)];
      const rows = ones([...shape, 64]);
      await realize(rows);
      const step = compile((rows: Tensor) => {
        const old = x.mul(10);
        x.assign(rows.sum({ dim: -1 }));
        mixed.assign(x.add(old));
      });
      await step(rows);
      expect([await first(x), await first(mixed)]).toEqual([64, 74]);
    });
  });
});
