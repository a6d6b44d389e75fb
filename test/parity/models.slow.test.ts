/**
 * Whole models and their blocks beside PyTorch's in float32, layer by layer. Blocks, and a network of each kind of block
 * and stem, on the native device with direct convolutions: the tolerances are those of direct sums. The other networks
 * repeat the same blocks: their wiring is followed forwards on emulated machines, without a C compiler.
 */
import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { emulatedTargets } from "../support/emulator.js";
import { expectModel, type ModelReference, modelReferences } from "./models.js";

process.env.FOVEA_CONV = "direct";

const NATIVE = new Set(["resnet20", "resnet18, stem imagenet", "resnet50, stem imagenet"]);
const titled = (references: readonly ModelReference[]) =>
  references.map((each): [string, ModelReference] => [each.name, each]);
const onNative = ({ name, small }: ModelReference) => small || NATIVE.has(name);

describe("PyTorch's models on native", () => {
  it.each(titled(modelReferences.filter(onNative)))("%s", { timeout: 300_000 }, async (_, reference) => {
    await useDevice("native");
    await expectModel(reference);
  });
});

describe("PyTorch's models on emulated machines", () => {
  const others = titled(modelReferences.filter((reference) => !onNative(reference)));
  const wide = emulatedTargets.filter(({ lanes }) => lanes === 16);

  it.each(others)("%s", { timeout: 300_000 }, async (_, reference) => {
    const index = modelReferences.indexOf(reference);
    await useDevice(wide[index % wide.length].name);
    await expectModel(reference, ["eval"]);
  });
});
