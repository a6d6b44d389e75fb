/** What a page gets when it imports Fovea: no Node module, and not much of anything. */
import { describe, expect, it } from "vitest";
import { bundle, entries } from "./bundle.js";

/** Bytes after gzip, of everything that a minimal training page loads, workers included. */
const LIMIT_BYTES = 180_000;

const TRAINING = `
import { compile, type Tensor } from "fovea";
import { ArrayDataset, DataLoader } from "fovea/data";
import { Conv2d, Flatten, Linear, ReLU, Sequential, functional } from "fovea/nn";
import { SGD } from "fovea/optim";

const model = new Sequential(new Conv2d(1, 8, 3), new ReLU(), new Flatten(), new Linear(8 * 26 * 26, 10));
const optimizer = new SGD(model.parameters(), { lr: 0.1 });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = functional.crossEntropy(model(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});
const images = new Uint8Array(await (await fetch("digits.bin")).arrayBuffer());
const digits = new ArrayDataset({ images, labels: new Uint8Array(100), sampleShape: [1, 28, 28], role: "train" });
for await (const { x, y } of new DataLoader(digits)) document.title = String(await (await step(x, y)).item());
`;

describe("a page", { timeout: 120_000 }, () => {
  it("reaches no Node module through any entry point", async () => {
    const names = [...entries.keys()];
    expect(names).toContain("fovea/train");
    const { foreign, warnings, files } = await bundle(names.map((name) => `export * from "${name}";`).join("\n"));
    expect(foreign).toEqual([]);
    expect(warnings).toEqual([]);
    for (const text of files.values())
      expect(text).not.toMatch(/["'`]node:|\brequire\(|\bBuffer\b|(?<!globalThis\.)\bprocess\./);
  });

  it(`trains with less than ${LIMIT_BYTES / 1000} kB`, async () => {
    const { foreign, gzipBytes, modules, files } = await bundle(TRAINING);
    expect(foreign).toEqual([]);
    // Nothing may have been shaken off that the page needs.
    for (const file of ["compiler/index.ts", "device/wasm/index.ts", "device/wasm/page-host.ts"]) {
      expect(modules.filter((id) => id.endsWith(`src/${file}`))).toHaveLength(1);
    }
    console.info(`minimal training page: ${(gzipBytes / 1000).toFixed(1)} kB gzip in ${files.size} files`);
    expect(gzipBytes).toBeLessThan(LIMIT_BYTES);
  });
});

describe("every entry alone", { timeout: 120_000 }, () => {
  it.each([...entries.keys()])("%s brings the devices, whatever is taken from it", async (name) => {
    const some = await firstExport(name);
    const { modules, foreign } = await bundle(`import { ${some} } from "${name}"; console.log(${some});`);
    expect(foreign).toEqual([]);
    for (const file of ["page/devices.ts", "device/wasm/index.ts"]) {
      expect(modules.filter((id) => id.endsWith(`src/${file}`))).toHaveLength(1);
    }
  });
});

/** A value that an entry exports. */
async function firstExport(name: string): Promise<string> {
  const [first] = Object.keys((await import(entries.get(name)!)) as object).filter((key) => key !== "default");
  return first;
}

describe("the check itself", () => {
  it("notices a Node module", async () => {
    const { foreign } = await bundle(`import { readFileSync } from "node:fs"; console.log(readFileSync);`);
    expect(foreign).not.toEqual([]);
  });
});
