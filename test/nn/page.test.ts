/** Without the entries of Node, as in a page: models are not saved, and the error says what to do instead. */
import { expect, it, vi } from "vitest";

// Entries that other files have imported are not there.
vi.resetModules();

it("a page has no files", async () => {
  const { Linear } = await import("../../src/nn/index.js");
  const { describeError } = await import("../../src/util/errors.js");
  const layer = new Linear(1, 1);
  const messages = [layer.save("x"), layer.load("x")].map((run) => run.then(String, describeError));
  expect(await Promise.all(messages)).toEqual([
    "[save] there are no files here. " +
      "Offer the bytes of encodeSafetensors(await readTensors(model.stateDict())) as a download",
    "[load] there are no files here. " +
      "Fetch the bytes, and pass decodeSafetensors(bytes, name).tensors to loadStateDict",
  ]);
});
