/**
 * Kernel text for a target made by hand, compared with the files in golden/: a change of the compiler or of a printer shows
 * in review as a change of text. `UPDATE_GOLDEN=1 npx vitest run test/codegen` writes the files anew.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { encodeWasm, printC, printJs } from "../../src/codegen/index.js";
import { compileGraph } from "../../src/compiler/index.js";
import { createLeaf, type Node } from "../../src/ir/graph.js";
import type { Kernel } from "../../src/ir/loops.js";
import { PROCESSOR_MEMORY, type Target } from "../../src/ir/target.js";
import { graph, helpers } from "../../src/ops/index.js";
import { engine, wasmTarget } from "../support/wasm.js";
import { watOf } from "../support/wat.js";

const vectors: Target = {
  name: "golden",
  lanes: 8,
  registers: 16,
  hoistsLoads: false,
  threads: 2,
  l1Bytes: 32 << 10,
  l2Bytes: 512 << 10,
  templates: true,
  winograd: false,
  decompose: true,
  dtypes: ["f32", "i32", "u8", "bool"],
  widensFloats: false,
  ...PROCESSOR_MEMORY,
};
const scalars: Target = { ...vectors, lanes: 1, templates: false, decompose: false };

const folder = fileURLToPath(new URL("golden/", import.meta.url));

/** The kernel with most work of a program for one output. */
function kernelOf(output: Node, leaves: readonly Node[], target: Target): Kernel {
  const { kernels } = compileGraph({ outputs: [output], leaves, replaces: [null], target, verify: true });
  return kernels.reduce((a, b) => (b.flops > a.flops ? b : a));
}

/** relu(2 x + b), b broadcast along rows: whole vectors, then a tail of scalars. */
function elementwise(target: Target): Kernel {
  const [x, b] = [createLeaf([5, 13], "f32"), createLeaf([13], "f32")];
  const y = graph.op("add", graph.op("mul", x, graph.constant(2, x)), helpers.broadcast(graph, b, x.shape));
  return kernelOf(graph.op("max", y, graph.constant(0, y)), [x, b], target);
}

/** a · b + 1 with a block that does not fill its tiles. */
function matmul(target: Target): Kernel {
  const [a, b] = [createLeaf([1, 7, 20], "f32"), createLeaf([1, 20, 19], "f32")];
  const y = graph.make("matmul", [a, b], {});
  return kernelOf(graph.op("add", y, graph.constant(1, y)), [a, b], target);
}

/** A 3×3 convolution with border, and an exponential done on its registers. */
function convolution(target: Target): Kernel {
  const [x, w] = [createLeaf([2, 8, 6, 6], "f32"), createLeaf([16, 8, 3, 3], "f32")];
  const y = graph.make("conv2d", [x, w], {
    stride: [1, 1],
    before: [1, 1],
    after: [1, 1],
    dilation: [1, 1],
    groups: 1,
  });
  return kernelOf(graph.op("neg", y), [x, w], target);
}

/** Plain modules are checked by wabt; the engine knows threads and relaxed SIMD too. */
function wat(kernel: Kernel, modern: boolean): string {
  const bytes = encodeWasm(kernel, { relaxed: modern, shared: modern });
  expect(engine.validate(bytes)).toBe(true);
  return watOf(bytes, { validate: !modern });
}

const texts: Readonly<Record<string, () => string>> = {
  "elementwise.c": () => printC(elementwise(vectors), vectors.lanes),
  "matmul.c": () => printC(matmul(vectors), vectors.lanes),
  "convolution.c": () => printC(convolution(vectors), vectors.lanes),
  "elementwise.wat": () => wat(elementwise(wasmTarget), false),
  "matmul.wat": () => wat(matmul(wasmTarget), true),
  "convolution.wat": () => wat(convolution(wasmTarget), false),
  "elementwise.js.txt": () => printJs(elementwise(scalars)),
};

describe("kernel text", () => {
  it("is the same for kernels that differ in their labels only", () => {
    const kernel = matmul(vectors);
    expect(printC({ ...kernel, label: "another" }, vectors.lanes)).toBe(printC(kernel, vectors.lanes));
  });

  it.each(Object.keys(texts))("%s", (file) => {
    const text = `${texts[file]().trimEnd()}\n`;
    if (process.env.UPDATE_GOLDEN === "1") {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}${file}`, text);
    }
    expect(text).toBe(readFileSync(`${folder}${file}`, "utf8"));
  });

  it("is the same when it is made again", () => {
    for (const make of Object.values(texts)) expect(make()).toBe(make());
  });

  it("has no golden file that nothing makes", () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(texts).sort());
  });
});
