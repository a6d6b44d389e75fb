/** The programs of docs/browser.md: they fit the types of a page, and their bundles need nothing of Node. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../tools/prepare.mjs";
import { codeBlocks } from "../docs/markdown.js";
import { bundle } from "./bundle.js";

const blocks = codeBlocks("docs/browser.md");
const pages = blocks.filter(({ language }) => language === "ts page").map(({ text }) => text);
const configs = blocks.filter(({ language }) => language === "ts config").map(({ text }) => text);

/** Beside the sources, where both finds its packages. */
let folder = "";
beforeAll(() => {
  const cache = join(root, "node_modules", ".cache", "fovea");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "browser-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("docs/browser.md", { timeout: 60_000 }, () => {
  it("has programs", () => {
    expect(pages.length).toBeGreaterThanOrEqual(2);
    expect(configs).toHaveLength(1);
  });

  it("shows programs that fit the types", () => {
    const files = [...pages.map((text, i) => write(`page-${i}.ts`, text)), write("vite.config.ts", configs[0])];
    const path = join(root, "examples", "browser", "tsconfig.json");
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(path, ts.sys.readFile).config,
      ts.sys,
      join(path, ".."),
    );
    const program = ts.createProgram(files, { ...options, incremental: false, tsBuildInfoFile: undefined });
    const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
    expect(problems).toEqual([]);
  });

  it.each(pages)("bundles without Node: %#", async (text) => {
    const { foreign, warnings } = await bundle(text);
    expect(foreign).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("shows a configuration that isolates the page", async () => {
    const { default: config } = (await import(write("config.mjs", configs[0]))) as { default: unknown };
    const headers = {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    };
    expect(config).toEqual({ server: { headers }, preview: { headers } });
    const listed = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    expect(
      blocks
        .find(({ language }) => language === "text")
        ?.text.trim()
        .split("\n"),
    ).toEqual(listed);
  });
});
