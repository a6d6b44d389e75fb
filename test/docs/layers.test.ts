/** docs/layers.md is what `tools/layer-docs.ts` writes, and each of its rows says what a reader looks for. */
import { describe, expect, it } from "vitest";
import { layers } from "../../src/nn/index.js";
import { layersDocument } from "../../tools/layer-docs.js";
import { read } from "./markdown.js";

const document = layersDocument();
const rows = document.split("\n").filter((line) => line.startsWith("| **"));

describe("docs/layers.md", () => {
  it("is up to date: npx tsx tools/layer-docs.ts", () => {
    expect(read("docs/layers.md")).toBe(document);
  });

  it.each([...layers.names])("says what %s is, its shapes and PyTorch's name", (name) => {
    const cells = rows.find((row) => row.startsWith(`| **${name}** |`))?.split(/(?<!\\) \| /) ?? [];
    expect(cells).toHaveLength(6);
    const [, sentence, shape, , , torch] = cells;
    expect(sentence).toMatch(/^[A-Z].*[.:]$/);
    expect(shape).not.toBe("");
    expect(torch).not.toBe("");
  });
});
