/** What a user sees who has installed Fovea without the packages that decode images. */
import { expect, it, vi } from "vitest";
import { decodeImage } from "../../src/data/index.js";
import { DataError, describeError } from "../../src/util/errors.js";
import { gradient, sharpFrom } from "./image-files.js";

it.each([
  ["sharp", "0.35.5", true],
  ["@napi-rs/image", "1.15.0", false],
])("%s is named with the line that installs it", async (name, version, resize) => {
  const bytes = await sharpFrom(gradient(4, 3), 4, 3).png().toBuffer();
  vi.doMock(name, () => {
    throw new Error(`Cannot find package '${name}'`);
  });
  const error = await decodeImage(bytes, { channels: 3, size: [3, 4], resize }).catch((cause: unknown) => cause);
  vi.doUnmock(name);
  expect(error).toBeInstanceOf(DataError);
  const line = describeError(error);
  expect(line).toMatch(`[data] images need the package ${name}@${version}, which cannot be loaded: `);
  expect(line).toMatch(new RegExp(`\\. Run: npm install --include=optional ${name}@${version}$`));
});
