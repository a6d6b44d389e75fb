/** The scripts that are ported from PyTorch learn, each on a tenth of the digits. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as autoEncoder from "../../examples/ported/auto-encoder.js";
import * as cnn from "../../examples/ported/cnn.js";
import * as vit from "../../examples/ported/vit.js";
import { useDevice } from "../../src/index.js";
import { loadMnist } from "../../src/node/data.js";

/** Every tenth digit: 800 for training, 200 for the test. */
async function someDigits() {
  const digits = await loadMnist();
  return digits.subset(
    Array.from({ length: digits.length / 10 }, (_, i) => 10 * i),
    "all",
  );
}

/** The mean square error of the mean image. */
function variance({ images, length }: Awaited<ReturnType<typeof someDigits>>): number {
  const pixels = Array.from(images, (byte) => byte / 255);
  const size = pixels.length / length;
  const mean = Array.from({ length: size }, () => 0);
  for (const [i, pixel] of pixels.entries()) mean[i % size] += pixel / length;
  return pixels.reduce((sum, pixel, i) => sum + (pixel - mean[i % size]) ** 2, 0) / pixels.length;
}

describe("scripts ported from PyTorch", () => {
  const digits = someDigits();
  const lines: string[] = [];
  beforeAll(async () => {
    await useDevice("wasm"); // compiles in half the time of a C compiler
    vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  it("the convolutional network has a confusion matrix that fits its accuracy", async () => {
    const { losses, accuracy } = await cnn.main({ digits, epochs: 3, batchSize: 32 });
    expect(losses[2]).toBeLessThan(0.6 * losses[0]);
    expect(accuracy).toBeGreaterThan(0.85); // chance is 0.1
    const rows = Array.from(lines.join("\n").matchAll(/\[([\d, ]+)\]/g), ([, row]) => row.split(",").map(Number));
    const matrix = rows.filter((row) => row.length === 10);
    expect(matrix).toHaveLength(10);
    expect(matrix.flat().reduce((a, b) => a + b)).toBe(200);
    expect(matrix.reduce((sum, row, i) => sum + row[i], 0) / 200).toBeCloseTo(accuracy, 6);
  });

  it("the vision transformer is far above chance", async () => {
    const { losses, accuracy } = await vit.main({ digits, epochs: 3, batchSize: 16, depth: 1 });
    expect(losses[2]).toBeLessThan(0.6 * losses[0]);
    expect(accuracy).toBeGreaterThan(0.5); // chance is 0.1
  });

  it("the auto-encoder restores images better than their mean does, from eight numbers", async () => {
    const { losses, mse } = await autoEncoder.main({ digits, epochs: 3, batchSize: 16 });
    expect(losses[2]).toBeLessThan(0.7 * losses[0]);
    expect(mse).toBeLessThan(0.8 * variance(await digits));
  });
});
