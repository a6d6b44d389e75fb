/**
 * Whole models and their blocks beside PyTorch's in float32, layer by layer, on the native device with direct convolutions:
 * the tolerances are those of direct sums.
 */
import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { expectModel, type ModelReference, modelReferences } from "./models.js";

process.env.FOVEA_CONV = "direct";
const titled = modelReferences.map((each): [string, ModelReference] => [each.name, each]);

describe("PyTorch's models on native", () => {
  it.each(titled)("%s", { timeout: 300_000 }, async (_, reference) => {
    await useDevice("native");
    await expectModel(reference);
  });
});
