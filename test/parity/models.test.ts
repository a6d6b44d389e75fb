/** Blocks, and one whole network on small pictures, beside PyTorch's, on the interpreter. */
import { describe, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { expectModel, type ModelReference, modelReferences } from "./models.js";

const titled = modelReferences.filter(({ small }) => small).map((each): [string, ModelReference] => [each.name, each]);

describe("PyTorch's blocks on interp", () => {
  it.each(titled)("%s", async (_, reference) => {
    await useDevice("interp");
    await expectModel(reference);
  });
});
