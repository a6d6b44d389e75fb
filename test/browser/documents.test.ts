/**
 * The programs of docs/browser.md: their bundles need nothing of Node. What they do is tested in
 * `documents.slow.test.ts`.
 */
import { describe, expect, it } from "vitest";
import { codeBlocks } from "../docs/markdown.js";
import { bundle } from "./bundle.js";

const blocks = codeBlocks("docs/browser.md");
const pages = blocks.filter(({ language }) => language === "ts page").map(({ text }) => text);
const configs = blocks.filter(({ language }) => language === "ts config").map(({ text }) => text);

describe("docs/browser.md", { timeout: 60_000 }, () => {
  it("has programs", () => {
    expect(pages.length).toBeGreaterThanOrEqual(2);
    expect(configs).toHaveLength(1);
  });

  it.each(pages)("bundles without Node: %#", async (text) => {
    const { foreign, warnings } = await bundle(text);
    expect(foreign).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("shows a configuration that isolates the page", async () => {
    // `defineConfig` returns what it is given; a module from a data URL can import nothing.
    const module = configs[0].replace(/^import .*$/m, "const defineConfig = (config) => config;");
    const { default: config } = (await import(`data:text/javascript,${encodeURIComponent(module)}`)) as {
      default: unknown;
    };
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
