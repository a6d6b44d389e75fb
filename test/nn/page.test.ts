/** Without the entries of Node, as in a page: models are not saved, and the error says what to do instead. */
import { expect, it } from "vitest";
import { Linear } from "../../src/nn/index.js";
import { describeError } from "../../src/util/errors.js";

it("a page has no files", async () => {
  const layer = new Linear(1, 1);
  const messages = [layer.save("x"), layer.load("x")].map((run) => run.then(String, describeError));
  expect(await Promise.all(messages)).toEqual([
    "[save] there are no files here. " +
      "Offer the bytes of encodeSafetensors(await readTensors(model.stateDict())) as a download",
    "[load] there are no files here. " +
      "Fetch the bytes, and pass decodeSafetensors(bytes, name).tensors to loadStateDict",
  ]);
});
