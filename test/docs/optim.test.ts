/** docs/optimizers.md, docs/schedules.md and the drawings of the schedules are what `tools/optim-docs.ts` writes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { schedules } from "../../src/optim/index.js";
import { optimDocuments } from "../../tools/optim-docs.js";
import { root } from "../../tools/setup.mjs";
import { read } from "./markdown.js";

const files = optimDocuments();

describe("the pages of fovea/optim", () => {
  it.each([...files.keys()])("%s is up to date: npx tsx tools/optim-docs.ts", (path) => {
    expect(existsSync(join(root, path)) && read(path)).toBe(files.get(path));
  });

  it("draw every schedule, and there are no other drawings", () => {
    const drawn = readdirSync(join(root, "docs/images/schedules")).map((name) => name.replace(".svg", ""));
    expect(drawn.sort()).toEqual([...schedules.names, "Plateau"].sort());
  });
});
