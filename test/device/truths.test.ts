/** Truths in memory, as conditions of vectors that are only partly there. */
import { describe, expect, it } from "vitest";
import { tensor, useDevice } from "../../src/index.js";
import { fastDevices } from "../support/devices.js";

/** Truths that lie in memory, read from before their beginning or past their end: vectors that are only partly there. */
describe.each(fastDevices)("truths in memory on %s", (device) => {
  it.each([1, 3, 17])("select what was shifted by %i", async (shift) => {
    await useDevice(device);
    const count = 45;
    const truths = Array.from({ length: count }, (_, i) => Number(i % 3 === 0));
    const values = Array.from({ length: count }, (_, i) => i + 1);
    const selected = tensor(truths, { dtype: "bool" }).where(tensor(values), tensor(values).neg());
    const chosen = values.map((value, i) => (truths[i] ? value : -value));
    const zeros = new Array<number>(shift).fill(0);
    expect(await selected.pad([[shift, shift]]).toArray()).toEqual([...zeros, ...chosen, ...zeros]);
  });
});
