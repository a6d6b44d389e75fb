/** Every loss of the registry against PyTorch: values and gradients, by the cases; one without a case fails here. */
import { beforeAll, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { functional, losses } from "../../src/nn/index.js";
import { devices } from "../support/devices.js";
import { expectClose, type LossCase, type LossReference, readReference, toTensor } from "./references.js";

const cases = readReference<LossCase[]>("losses.cases.json");
const references = readReference<LossReference[]>("losses.reference.json");

describe("the cases", () => {
  it.each(losses.names)("include %s", (name) => {
    expect(cases.map(({ loss }) => loss)).toContain(name);
    expect(functional).toHaveProperty(name);
  });

  it("have up-to-date references", () => {
    expect(references.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
  });
});

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  it.each(cases.map((one, i) => ({ ...one, reference: references[i] })))("$name", async ({ reference, ...one }) => {
    const loss = losses.get(one.loss).make(one.options);
    const prediction = toTensor(reference.prediction, { requiresGrad: true });
    const target = toTensor(reference.target, { dtype: one.target.classes === undefined ? "f32" : "i32" });
    const y = loss(prediction, target);
    y.sum().backward();
    await expectClose(y, reference.loss, "loss");
    await expectClose(prediction.grad!, reference.gradient, "gradient");
  });
});
