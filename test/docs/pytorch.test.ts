/** docs/pytorch.md is what `tools/pytorch-docs.ts` writes: every name has an equivalent that exists, or a reason. */
import { describe, expect, it } from "vitest";
import * as main from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optim/index.js";
import { pytorchDocument, sections } from "../../tools/pytorch-docs.js";
import { MISSING } from "../../tools/pytorch-map.js";
import { read } from "./markdown.js";

/** Names that an equivalent may call, beside the methods of tensors. */
const functions = new Set(
  [main, nn, optim, nn.functional, nn.init, main.linalg].flatMap((module) => Object.keys(module)),
);
const methods = new Set<string>(["seed"]);
for (const type of [main.Tensor, main.Generator, nn.Module]) {
  for (let at: object = type.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) methods.add(name);
  }
}
/** The user's own functions in equivalents, such as a schedule that is given. */
const given = new Set(["f", "a", "b"]);

describe("docs/pytorch.md", () => {
  it("is up to date: npx tsx tools/pytorch-docs.ts", () => {
    expect(read("docs/pytorch.md")).toBe(pytorchDocument());
  });

  describe.each(sections)("$section", ({ rows }) => {
    it("gives a reason for every name that is missing", () => {
      expect(rows.filter(({ ours, reason }) => ours === null && reason === "").map(({ name }) => name)).toEqual([]);
    });

    it("names only functions and methods that exist", () => {
      const unknown = rows.flatMap(({ name, ours }) =>
        [...(ours ?? "").matchAll(/(\.?)\b([a-zA-Z]\w*)\(/g)].flatMap(([, dot, called]) => {
          const known = functions.has(called) || (dot === "." ? methods.has(called) : given.has(called));
          return known ? [] : [`${name}: ${called}`];
        }),
      );
      expect(unknown).toEqual([]);
    });
  });

  it("has no reason for a name that exists", () => {
    const missing = new Set(
      sections.flatMap(({ rows }) => rows.flatMap(({ name, ours }) => (ours === null ? [name] : []))),
    );
    const stale = Object.values(MISSING)
      .flatMap((list) => list.split(/\s+/))
      .filter((name) => name !== "" && !missing.has(name));
    expect(stale).toEqual([]);
  });
});
