/** The table of docs/losses.md has a row for each loss of the registry, with its layer and its options. */
import { describe, expect, it } from "vitest";
import { losses } from "../../src/nn/index.js";
import { read } from "./markdown.js";

const rows = read("docs/losses.md")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split(" | ").map((cell) => cell.replaceAll(/^\| ?| ?\|$/g, "").trim()));
const names = (cell: string) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name);

describe("docs/losses.md", () => {
  it("lists the losses of the registry, in its order", () => {
    expect(rows.map(([name]) => names(name)[0])).toEqual([...losses.names]);
  });

  it.each(losses.entries)(
    "says layer and options of $name, its formula and when to use it",
    ({ name, layer, schema }) => {
      const [, layerCell, options, formula, use] = rows.find(([cell]) => cell === `\`${name}\``)!;
      expect(names(layerCell)).toEqual(layer ? [layer.name] : []);
      expect(names(options)).toEqual(Object.keys(schema).filter((option) => option !== "reduction"));
      expect(formula).not.toBe("");
      expect(use).not.toBe("");
    },
  );
});
