/**
 * The example page in Chromium: it trains until it is good, reads drawn digits, and fits narrow and wide windows; the
 * same without shared memory. Screenshots of it are left in `artefacts/browser/`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage, servePage } from "../../examples/browser/page.mjs";
import { root, setUp } from "../../tools/setup.mjs";
import { chromiumPath, startBrowser, warnWithoutBrowser } from "./chromium.js";

warnWithoutBrowser("the example page in a browser");

const artefacts = join(root, "artefacts", "browser");
const MINUTES = 60_000;

/** A place on the drawing area, as shares of its sides. */
type Place = readonly [x: number, y: number];

/** A page, and everything that went wrong in it. */
interface Visit {
  readonly page: Page;
  readonly problems: string[];
  readonly notices: string[];
}

async function visit(browser: Browser, url: string, width = 1280): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const problems: string[] = [];
  const notices: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
    if (message.type() === "info") notices.push(message.text());
  });
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(url) && !/^(blob|data):/.test(address)) problems.push(`requested ${address}`);
  });
  await page.goto(url);
  await button(page, "Train").isEnabled();
  return { page, problems, notices };
}

const button = (page: Page, name: string): Locator => page.getByRole("button", { name, exact: true });

/** The number in a text such as `97.35 %` or `1,234`; NaN while there is none. */
const numberIn = async (locator: Locator): Promise<number> =>
  Number.parseFloat(((await locator.textContent()) ?? "").replaceAll(",", ""));

/** Draws one stroke with the mouse. */
async function stroke(page: Page, places: readonly Place[]): Promise<void> {
  const box = await page.locator("#drawing").boundingBox();
  if (!box) throw new Error("The drawing area cannot be seen");
  const [first, ...rest] = places.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const place of rest) await page.mouse.move(...place, { steps: 2 });
  await page.mouse.up();
}

const one: readonly Place[] = [
  [0.53, 0.18],
  [0.5, 0.5],
  [0.48, 0.83],
];
const zero: readonly Place[] = Array.from({ length: 33 }, (_, i) => {
  const angle = -Math.PI / 2 - (i * 2 * Math.PI) / 32;
  return [0.5 + 0.2 * Math.cos(angle), 0.5 + 0.31 * Math.sin(angle)];
});

describe.skipIf(!chromiumPath)("the example page", { timeout: 5 * MINUTES }, () => {
  let browser: Browser;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    await setUp();
    await buildPage();
    mkdirSync(artefacts, { recursive: true });
    browser = await startBrowser();
    closing.push(() => browser.close());
  }, 3 * MINUTES);
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  async function open(isolated: boolean): Promise<Visit> {
    const server = await servePage({ isolated });
    closing.push(server.close);
    return visit(browser, server.url);
  }

  describe("cross-origin isolated", () => {
    let page: Page;
    let problems: string[] = [];
    beforeAll(async () => {
      ({ page, problems } = await open(true));
    });

    it("names the device and its threads", async () => {
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      await expect.poll(() => page.locator("#device").textContent()).toMatch(/WebAssembly.*thread/);
    });

    it("learns until it gets more than 95 % right", async () => {
      await button(page, "Train").click();
      await expect.poll(() => page.locator("#status").textContent(), { timeout: MINUTES }).toBe("Training");
      const accuracy = page.locator("#accuracy");
      await expect.poll(() => numberIn(accuracy), { timeout: 4 * MINUTES, interval: 250 }).toBeGreaterThan(95);
      expect(await numberIn(page.locator("#loss"))).toBeLessThan(1);
      expect(await numberIn(page.locator("#speed"))).toBeGreaterThan(0);
    });

    it("pauses", async () => {
      await button(page, "Pause").click();
      await expect.poll(() => page.locator("#status").textContent()).toBe("Paused");
      expect(await button(page, "Go on").isEnabled()).toBe(true);
    });

    it.each([
      ["1", one],
      ["0", zero],
    ])("reads a drawn %s", async (digit, places) => {
      await button(page, "Clear").click();
      await stroke(page, places);
      await expect.poll(() => page.locator("#answer").textContent()).toBe(digit);
      const best = page.getByRole("list", { name: "Probability of each digit" }).locator(".best");
      expect(await best.locator(".digit").textContent()).toBe(digit);
      expect(await numberIn(best.locator(".value"))).toBeGreaterThan(50);
    });

    it.each([
      ["light", 1400],
      ["dark", 1400],
      ["light", 380],
      ["dark", 380],
    ] as const)("fits, %s, %d pixels wide", async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(artefacts, `page-${colorScheme}-${width}.png`), fullPage: true });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    });

    it("can be drawn on by keyboard", async () => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await button(page, "Clear").click();
      await page.getByRole("application", { name: "Drawing area" }).focus();
      await page.keyboard.press("Space");
      for (let i = 0; i < 18; i++) await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Space");
      await expect.poll(() => page.locator("#answer").textContent()).toBe("1");
      await page.keyboard.press("Delete");
      await expect.poll(() => page.locator("#answer").textContent()).toBe("–");
    });

    it("shows test digits and knows most of them", async () => {
      const notes = new Set<string | null>();
      for (let i = 0; i < 5; i++) {
        await button(page, "Show a test digit").click();
        await expect.poll(() => page.locator("#answer-note").textContent()).toMatch(/^a test digit/);
        notes.add(await page.locator("#answer-note").textContent());
      }
      expect([...notes]).toContain("a test digit, recognised");
    });

    it("goes on, and begins anew", async () => {
      const progress = page.getByRole("progressbar");
      const before = await progress.getAttribute("value");
      await button(page, "Go on").click();
      await expect.poll(() => progress.getAttribute("value"), { timeout: MINUTES }).not.toBe(before);
      await button(page, "Reset").click();
      await expect.poll(() => page.locator("#status").textContent()).toBe("Ready");
      expect(await page.locator("#accuracy").textContent()).toBe("–");
      await button(page, "Train").click();
      await expect.poll(() => page.locator("#loss").textContent(), { timeout: MINUTES }).not.toBe("–");
    });

    it("has caused no error and asked nobody else for anything", () => expect(problems).toEqual([]));
  });

  describe("without shared memory", () => {
    it("says that it has one thread and why, and trains", async () => {
      const { page, problems, notices } = await open(false);
      expect(await page.evaluate("crossOriginIsolated")).toBe(false);
      await expect.poll(() => page.locator("#device").textContent()).toMatch(/1 thread.*not cross-origin isolated/);
      expect(notices.join("\n")).toMatch(/Cross-Origin-Opener-Policy/);
      await button(page, "Train").click();
      await expect.poll(() => numberIn(page.locator("#accuracy")), { timeout: 4 * MINUTES }).toBeGreaterThan(30);
      await page.screenshot({ path: join(artefacts, "page-one-thread.png"), fullPage: true });
      expect(problems).toEqual([]);
      await page.close();
    });
  });
});

describe("npm run example:browser", { timeout: 3 * MINUTES }, () => {
  const start = (port: string): ChildProcess =>
    spawn(process.execPath, [join(root, "examples", "browser", "start.mjs"), "--port", port]);

  /** Everything that a stream says until it has said something that matches. */
  async function said(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<string> {
    let text = "";
    for await (const part of stream ?? []) {
      text += part;
      if (pattern.test(text)) break;
    }
    return text;
  }

  it("serves the page and its digits, isolated, until it is stopped", async () => {
    const child = start("0");
    try {
      const [url] = /http:\S+/.exec(await said(child.stdout, /Ctrl-C/)) ?? [""];
      const page = await fetch(url);
      expect(await page.text()).toContain("<title>");
      expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
      const digits = await (await fetch(new URL("digits-images.idx", url))).arrayBuffer();
      expect(digits.byteLength).toBe(16 + 10_000 * 28 * 28);

      const second = start(new URL(url).port);
      expect(await said(second.stderr, /Choose/)).toMatch(/Port \d+ is already in use\nChoose another port/);
      expect(await once(second, "exit")).toEqual([1, null]);
    } finally {
      child.kill("SIGINT");
    }
    await once(child, "exit");
  });
});
