/**
 * The programs of docs/browser.md: they fit the types of a page; run in Chromium, they end without an error, with what
 * they promise. Also what the document claims beside them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../tools/setup.mjs";
import { codeBlocks } from "../docs/markdown.js";
import { bundle } from "./bundle.js";
import { chromiumPath, startBrowser, warnWithoutBrowser } from "./chromium.js";

warnWithoutBrowser("the programs of docs/browser.md in a browser");

const blocks = codeBlocks("docs/browser.md");
const programs = blocks.filter(({ language }) => language === "ts page").map(({ text }) => text);

it("the programs of docs/browser.md fit the types", { timeout: 120_000 }, () => {
  // Beside the sources, where the compiler finds the packages.
  const cache = join(root, "node_modules", ".cache", "fovea");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "browser-"));
  try {
    const files = blocks.flatMap(({ language, text }, i) => {
      if (!language.startsWith("ts ")) return [];
      const file = join(folder, `program-${i}.ts`);
      writeFileSync(file, text);
      return [file];
    });
    const path = join(root, "examples", "browser", "tsconfig.json");
    const { config } = ts.readConfigFile(path, ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(path, ".."));
    const program = ts.createProgram(files, { ...options, incremental: false, tsBuildInfoFile: undefined });
    expect(files).toHaveLength(3);
    expect(ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Where the page pretends to be: an address that browsers trust with shared memory. Nothing is ever asked there. */
const ORIGIN = "http://localhost:9";
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

describe.skipIf(!chromiumPath)("programs in a page", { timeout: 60_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  /** Runs a program in a page; its lines. */
  async function run(program: string, isolated = true): Promise<string[]> {
    const { entry, files } = await bundle(`${program}\nconsole.log("end");`);
    const page = await browser.newPage();
    try {
      await page.route(`${ORIGIN}/**`, (route) => {
        const text = files.get(new URL(route.request().url()).pathname.slice(1));
        const [body, contentType] =
          text === undefined
            ? [`<script type="module" src="/${entry}"></script>`, "text/html"]
            : [text, "text/javascript"];
        return route.fulfill({ body, contentType, headers: isolated ? ISOLATION : {} });
      });
      const lines: string[] = [];
      const ended = new Promise<void>((resolve, reject) => {
        page.on("pageerror", reject);
        page.on("console", (message) => {
          if (message.text() === "end") resolve();
          else if (message.type() === "log") lines.push(message.text());
        });
      });
      await page.goto(`${ORIGIN}/`);
      await ended;
      expect(await page.evaluate("crossOriginIsolated")).toBe(isolated);
      return lines;
    } finally {
      await page.close();
    }
  }

  it("of docs/browser.md train a network", async () => {
    const lines = await run(programs[0]);
    expect(lines).toHaveLength(6);
    const [, accuracy] = /^80 steps, (\d+\.\d) % right$/.exec(lines[5]) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(95);
  });

  it("of docs/browser.md load weights", async () => {
    expect(await run(programs[1])).toEqual(["2 · 10 + 3 · 100 + 1 = 321"]);
  });

  it("give the same numbers on one thread as on all", async () => {
    const program = `
      import { Generator } from "fovea";
      const random = new Generator(0, { stream: "numbers" });
      const product = random.normal([300, 300]).matmul(random.normal([300, 300])).tanh();
      const bits = new Int32Array((await product.data()).buffer);
      console.log(bits.reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 0));`;
    const [one] = await run(program, false);
    expect(one).toMatch(/^-?\d{3,}$/);
    expect(await run(program)).toEqual([one]);
  });

  it("name the devices that there are when another is requested", async () => {
    const lines = await run(`
      import { describeDevices, describeError, useDevice } from "fovea";
      await useDevice("native").catch((error) => console.log(describeError(error)));
      for (const { name, available } of await describeDevices()) console.log(name, available);`);
    expect(lines).toEqual(['unknown device "native". Choose one of wasm, interp', "wasm true", "interp true"]);
  });
});
