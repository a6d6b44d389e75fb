/** The scripts that are ported from PyTorch learn, each on a tenth of the digits. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
});
