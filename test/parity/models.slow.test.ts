/**
 * Whole models and their blocks beside PyTorch's, layer by layer, forwards and backwards. Blocks, and a network of each
 * kind, on the native device with direct convolutions: the tolerances are those of direct sums. The other networks
 * repeat the same blocks: their wiring is followed in float64 and without a C compiler, on emulated machines or, where
 * most of the work is weights of 512 channels, by the interpreter.
 */
import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { emulatedTargets } from "../support/emulator.js";
import { expectModel, type ModelReference, modelReferences } from "./models.js";

process.env.FOVEA_CONV = "direct";

const titled = (references: readonly ModelReference[]) =>
  references.map((each): [string, ModelReference] => [each.name, each]);

describe("PyTorch's models on native", () => {
  it.each(titled(modelReferences.filter(({ exact }) => !exact)))("%s", { timeout: 300_000 }, async (_, reference) => {
    await useDevice("native");
    await expectModel(reference);
  });
});

describe("PyTorch's models in float64", () => {
  const wide = emulatedTargets.filter(({ lanes }) => lanes === 16);

  it.each(titled(modelReferences.filter(({ exact }) => exact)))("%s", { timeout: 300_000 }, async (_, reference) => {
    const machine = wide[modelReferences.indexOf(reference) % wide.length];
    await useDevice(reference.stem ? "interp" : machine.name);
    await expectModel(reference);
  });
});
