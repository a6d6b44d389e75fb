/** Finds and starts a browser for tests. Nothing is ever downloaded; knows no page. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome.exe"];
const macOs = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Path of a Chromium: `$CHROME_PATH`, or the first on the path; undefined where there is none. */
function findChromium(): string | undefined {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const folders = (process.env.PATH ?? "").split(delimiter);
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...macOs].find(existsSync);
}

export const chromiumPath = findChromium();

/** Says what is not tested where there is no browser, and how to change that. */
export function warnWithoutBrowser(what: string): void {
  if (chromiumPath) return;
  process.stderr.write(
    `SKIPPED: ${what}, because no Chromium was found. ` +
      "Install one (Debian: apt-get install chromium) or name it in CHROME_PATH.\n",
  );
}

export function startBrowser(): Promise<Browser> {
  // Chromium refuses to put root into its sandbox; tests open no page but the project's own.
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath: chromiumPath, args: asRoot ? ["--no-sandbox"] : [] });
}
