/** What can be checked of the documents without running anything: links, layout, names, and what must never be in them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { scalarNames } from "../../src/ir/scalar/index.js";
import { structuralNames } from "../../src/ops/index.js";
import { LAYERS } from "../../tools/layer-rules.js";
import { root } from "../../tools/setup.mjs";
import { anchors, codeBlocks, documents, links, read } from "./markdown.js";

/** Rows of the mission, by section. */
const ROWS = [7, 4, 5, 8, 4, 4, 11];

describe.each(documents)("%s", (file) => {
  it("has links that lead somewhere", () => {
    const broken = links(file).filter((link) => {
      if (/^https:\/\//.test(link)) return false;
      const [path, anchor] = link.split("#");
      const target = path === "" ? file : relative(root, join(root, dirname(file), path));
      return !existsSync(join(root, target)) || (anchor !== undefined && !anchors(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("has lines of at most 120 columns outside tables", () => {
    const long = read(file)
      .split("\n")
      .filter((line) => line.length > 120 && !line.startsWith("|"));
    expect(long).toEqual([]);
  });

  it("names no machine and no registry, and leaves nothing open", () => {
    expect(read(file)).not.toMatch(/\/(work|home|root|tmp|Users)\/|registry\.(?!ts\b)|\bT[O]DO\b|\bT[B]D\b|\bX{3}\b/);
  });

  it("has code only in languages that a test runs or knows", () => {
    const known = ["ts run", "ts page", "ts config", "python", "sh", "console", "diff", "text"];
    expect(
      codeBlocks(file)
        .map(({ language }) => language)
        .filter((language) => !known.includes(language)),
    ).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  const text = read("docs/architecture.md");

  it("counts the ops that there are", () => {
    expect(text).toContain(`${scalarNames.length} scalar ops`);
    expect(text).toContain(`${structuralNames.length} structural ops`);
  });

  it("draws every layer that exists", () => {
    const [diagram] = codeBlocks("docs/architecture.md");
    const drawn = Object.keys(LAYERS).filter((layer) => existsSync(join(root, "src", layer)));
    expect(drawn.filter((layer) => !diagram.text.includes(layer))).toEqual([]);
  });

  it("lists exactly the environment variables that the sources read", () => {
    const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.ts$/.test(name),
    );
    const code = files.map((file) => readFileSync(join(root, "src", file), "utf8")).join();
    const reads = /(?:process\.env|environment)\.(FOVEA_\w+|CC)\b/g;
    const used = new Set(Array.from(code.matchAll(reads), ([, name]) => name));
    const listed = Array.from(text.matchAll(/^\| `([A-Z_]+)` \|/gm), ([, name]) => name);
    expect(listed).toEqual([...used].sort());
  });

  it("names files of the compiler that exist", () => {
    const passes = text.slice(text.indexOf("## Passes"), text.indexOf("## Devices"));
    const files = Array.from(passes.matchAll(/`([a-z-]+\.ts|lower\/)`/g), ([, name]) => name);
    expect(files.length).toBeGreaterThan(8);
    expect(files.filter((name) => !existsSync(join(root, "src/compiler", name)))).toEqual([]);
  });
});

describe("docs/mission.md", () => {
  const sections = read("docs/mission.md").split(/^## /m).slice(1);
  const rows = sections.map((section) => Array.from(section.matchAll(/^\| ([^|]+) \| (\w+) \|(.*)\|$/gm)).slice(1));

  it("goes through every row", () => {
    expect(rows.map((section) => section.length)).toEqual(ROWS);
  });

  it("says done, partly or not of each, and shows a test for what there is", () => {
    for (const [, name, state, note] of rows.flat()) {
      expect(["done", "partly", "not"], name).toContain(state);
      if (state !== "not") expect(note, name).toMatch(/\]\(\.\.\/test\//);
      if (state === "done") expect(note, name).toMatch(/\]\((\.\.\/README\.md#|[\w-]+\.md)/);
    }
  });
});
