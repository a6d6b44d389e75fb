/** The layering check itself: each rule on the smallest set of files that breaks it, then the real program on disk. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkSources, formatViolation, readSources } from "../../tools/check-layers.js";
import { LAYERS, PACKAGES } from "../../tools/layer-rules.js";
import { root } from "../../tools/setup.mjs";

/** Violations in these files, as printed; a header comment is put before each file's text, on its first line. */
function check(files: Readonly<Record<string, string>>): string[] {
  const sources = Object.entries(files).map(([file, text]): [string, string] => [file, `/** Test. */ ${text}\n`]);
  return checkSources(new Map(sources)).map(formatViolation);
}

describe("layers", () => {
  it("lets a layer import itself and what the table allows", () => {
    const files = {
      "src/util/errors.ts": "export class E {}",
      "src/tensor/index.ts": 'export * from "./tensor.js";',
      "src/tensor/tensor.ts": 'import { E } from "../util/errors.js"; export const t = E;',
      "src/nn/linear.ts": 'import type { t } from "../tensor/index.js"; export type L = typeof t;',
      "src/train/fit.ts": 'export * from "../nn/linear.js";',
    };
    expect(check(files)).toEqual([]);
  });

  it.each([
    ["a static import", 'import { x } from "../tensor/index.js";'],
    ["a type import", 'import type { X } from "../tensor/index.js";'],
    ["a re-export", 'export { x } from "../tensor/index.js";'],
    ["a dynamic import", 'export const x = () => import("../tensor/index.js");'],
    ["an import in a type", 'export type X = import("../tensor/index.js").X;'],
  ])("finds %s from a higher layer", (_, statement) => {
    expect(check({ "src/ops/add.ts": statement })).toEqual([
      "src/ops/add.ts:1: ops must not import tensor (it may import util, ir)",
    ]);
  });

  it("ignores imports in comments and strings", () => {
    const text = `// import "../tensor/index.js"\nexport const s = 'import "../tensor/index.js"';`;
    expect(check({ "src/ops/add.ts": text })).toEqual([]);
  });

  it("gives the line of the import", () => {
    const text = '\nimport "../ir/node.js";\nimport "../nn/index.js";';
    expect(check({ "src/ops/add.ts": text })).toEqual([
      "src/ops/add.ts:3: ops must not import nn (it may import util, ir)",
    ]);
  });

  it("keeps nn, optim, data and io apart", () => {
    expect(check({ "src/optim/sgd.ts": 'import "../nn/module.js";' })).toEqual([
      "src/optim/sgd.ts:1: optim must not import nn (it may import util, tensor)",
    ]);
  });

  it("keeps devices apart, and lets only the entries name them, dynamically", () => {
    const files = {
      "src/device/interp/index.ts": 'import "../native/pool.js";',
      "src/cli/devices.ts": 'await import("../device/native/index.js");',
      "src/index.ts": 'await import("./device/native/index.js");',
      "src/node/devices.ts": 'import "../device/native/index.js";\nawait import("../device/interp/index.js");',
    };
    const only = "(only node, page name concrete devices)";
    expect(check(files)).toEqual([
      `src/device/interp/index.ts:1: device/interp must not import device/native ${only}`,
      `src/cli/devices.ts:1: cli must not import device/native ${only}`,
      `src/index.ts:1: index must not import device/native ${only}`,
      'src/node/devices.ts:1: node must import device/native dynamically: await import("../device/native/index.js")',
    ]);
  });

  it("keeps packages in their layers", () => {
    const files = {
      "src/tensor/index.ts": 'import koffi from "koffi";',
      "src/device/native/ffi.ts": 'import "koffi";',
    };
    expect(check(files)).toEqual([
      "src/tensor/index.ts:1: tensor must not import the package koffi (only device/native may)",
    ]);
  });

  it("names files outside every layer, and imports that leave src/", () => {
    const files = { "src/stray.ts": "", "src/helpers/a.ts": "", "src/nn/a.ts": 'import "../../tools/check.js";' };
    const message = "belongs to no layer: move it, or add its folder to tools/layer-rules.ts";
    expect(check(files)).toEqual([
      `src/stray.ts:1: ${message}`,
      `src/helpers/a.ts:1: ${message}`,
      "src/nn/a.ts:1: imports tools/check.ts, which lies outside src/",
    ]);
  });

  it("has a table without circles and without unknown names", () => {
    const closed = (layer: string, path: readonly string[]): boolean =>
      !path.includes(layer) && LAYERS[layer].every((target) => closed(target, [...path, layer]));
    const known = Object.keys(LAYERS);
    expect(known.filter((layer) => !closed(layer, []))).toEqual([]);
    expect(Object.values(LAYERS).flat().concat(Object.values(PACKAGES).flat())).toSatisfy((names: string[]) =>
      names.every((name) => known.includes(name)),
    );
  });
});

describe("cycles", () => {
  it("finds each circle once, with a shortest way round", () => {
    const files = {
      "src/ir/a.ts": 'import "./b.js";',
      "src/ir/b.ts": 'import "./c.js";\nimport "./d.js";',
      "src/ir/c.ts": 'import "./a.js";',
      "src/ir/d.ts": 'import "./c.js";',
      "src/ops/x.ts": 'import "../ir/a.js";\nexport * from "./x.js";',
    };
    expect(check(files)).toEqual([
      "src/ir/a.ts:1: imports itself: src/ir/a.ts → src/ir/b.ts → src/ir/c.ts → src/ir/a.ts",
      "src/ops/x.ts:2: imports itself: src/ops/x.ts → src/ops/x.ts",
    ]);
  });

  it("does not count type and dynamic imports, which cannot run early", () => {
    const files = {
      "src/ir/a.ts": 'import "./b.js";',
      "src/ir/b.ts": 'import type { A } from "./a.js"; export const load = (): Promise<A> => import("./a.js");',
    };
    expect(check(files)).toEqual([]);
  });
});

describe("house rules", () => {
  it("finds long files, long lines, a missing header and forbidden words", () => {
    const long = `/* ok */\n${"x;\n".repeat(600)}`;
    const wide = `/* ok */\n//${" word".repeat(28)}\nexport const base64 = "${"A".repeat(200)}";\n`;
    const word = ["/* ok */", `// biome-${"ignore"} lint: no`, `// @ts-${"ignore"}`, `// TO${"DO"}: later`].join("\n");
    const sources = new Map([
      ["src/ir/long.ts", long],
      ["test/wide.test.ts", wide],
      ["tools/bare.mjs", "export {};\n"],
      ["bench/word.ts", word],
      ["src/cli/main.ts", "#!/usr/bin/env node\n/** The program. */\n"],
    ]);
    expect(checkSources(sources).map(formatViolation)).toEqual([
      "src/ir/long.ts:601: has 601 lines; the limit is 600",
      "test/wide.test.ts:2: has 142 columns; the limit is 140",
      "tools/bare.mjs:1: does not begin with a comment that says what the file is for",
      `bench/word.ts:2: contains "biome-${"ignore"}"`,
      `bench/word.ts:3: contains "@ts-${"ignore"}"`,
      `bench/word.ts:4: contains "TO${"DO"}:"`,
    ]);
  });
});

describe("glossary", () => {
  const glossary = [
    "# Glossary",
    "",
    "| term | meaning | not |",
    "|---|---|---|",
    "| image | an array of pixels | picture |",
    "| batch | samples | |",
    "| prefetch | a hint that loads a line | ask for, prepare early |",
    "",
  ].join("\n");

  function words(files: Readonly<Record<string, string>>): string[] {
    const sources = new Map(Object.entries({ "docs/glossary.md": glossary, ...files }));
    return checkSources(sources).map(formatViolation);
  }

  it("refuses the words of its last column in comments and strings of the library, and in documents", () => {
    const source = [
      "/** Reads a picture. */",
      'export const a = "a Picture"; // pictures',
      `export const b = \`picturing \${a} as pictured\`;`,
      "/*",
      " * The device is asked",
      " * for a line; asking  for two, and it preparing early.",
      " */",
      "export const c = 1;",
      "// picture",
    ].join("\n");
    expect(
      words({ "src/nn/a.ts": source, "README.md": "# Pictures\n", "docs/a.md": "ok\n\nIt asks for it.\n" }),
    ).toEqual([
      'src/nn/a.ts:1: contains "picture"; docs/glossary.md says "image"',
      'src/nn/a.ts:2: contains "Picture"; docs/glossary.md says "image"',
      'src/nn/a.ts:2: contains "pictures"; docs/glossary.md says "image"',
      'src/nn/a.ts:3: contains "picturing"; docs/glossary.md says "image"',
      'src/nn/a.ts:3: contains "pictured"; docs/glossary.md says "image"',
      'src/nn/a.ts:5: contains "asked for"; docs/glossary.md says "prefetch"',
      'src/nn/a.ts:6: contains "asking for"; docs/glossary.md says "prefetch"',
      'src/nn/a.ts:6: contains "preparing early"; docs/glossary.md says "prefetch"',
      'src/nn/a.ts:9: contains "picture"; docs/glossary.md says "image"',
      'README.md:1: contains "Pictures"; docs/glossary.md says "image"',
      'docs/a.md:3: contains "asks for"; docs/glossary.md says "prefetch"',
    ]);
  });

  it("lets names, parts of words, tests and the changelog be", () => {
    const source =
      "/** A picturesque task for-loops; no ask, for once. */\nexport const picture = { picture: /picture/ };\n";
    const test = "/** A picture. */\n";
    expect(words({ "src/nn/a.ts": source, "test/a.test.ts": test, "CHANGELOG.md": "A picture.\n" })).toEqual([]);
  });
});

describe("on disk", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  function tree(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(tmpdir(), "fovea-layers-"));
    folders.push(folder);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    return folder;
  }

  it("prints one line per violation and exits 1", () => {
    const folder = tree({ "src/ir/a.ts": '/** A. */\nimport "../nn/b.js";\n', "src/nn/b.ts": "export {};\n" });
    const script = join(root, "tools", "check-layers.ts");
    const result = spawnSync(process.execPath, ["--import", "tsx", script, folder], { cwd: root, encoding: "utf8" });
    expect(result.stdout.split("\n")).toEqual([
      "src/ir/a.ts:2: ir must not import nn (it may import util)",
      "src/nn/b.ts:1: does not begin with a comment that says what the file is for",
      "2 files checked, 2 violations",
      "",
    ]);
    expect(result.status).toBe(1);
  });

  it("finds nothing wrong with this repository", () => {
    const sources = readSources(root);
    for (const file of ["src/util/errors.ts", "README.md", "docs/glossary.md"]) expect(sources.has(file)).toBe(true);
    expect(checkSources(sources).map(formatViolation)).toEqual([]);
  });
});
