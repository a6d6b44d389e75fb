/** Benchmarks as they are typed, without peers: that they run, and the form of the JSON line that they end with. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { root } from "../../tools/setup.mjs";
import { childEnvironment } from "../support/program.js";

const runFile = promisify(execFile);
const positive = z.number().positive();
const timing = z.object({
  medianMs: positive,
  imagesPerSecond: positive,
  effectiveGflops: positive,
  shareOfPeak: positive,
});
const common = z.object({
  bench: z.string(),
  machine: z.object({ cpu: z.string(), cores: positive, simd: z.string(), threads: z.string(), node: z.string() }),
  commit: z.string(),
  ours: z.looseObject({}),
  peers: z.object({}).strict(),
  speedup: z.object({}).strict(),
  notes: z.array(z.string()),
});

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-images-"));
  for (const [i, name] of ["dark", "light"].entries()) {
    mkdirSync(join(folder, name));
    for (let k = 0; k < 70; k++) {
      const background = { r: 200 * i, g: k, b: 255 - k };
      const file = join(folder, name, `${k}.jpg`);
      await sharp({ create: { width: 32, height: 32, channels: 3, background } }).toFile(file);
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bench(...words: string[]): Promise<string> {
  const main = join(root, "bench", "main.ts");
  const { stdout } = await runFile(process.execPath, ["--import", "tsx", main, ...words], { env: childEnvironment });
  return stdout;
}

/** The object on the last line. */
async function jsonOf(...words: string[]): Promise<unknown> {
  return JSON.parse((await bench(...words, "--peers", "none", "--quick", "--json")).trim().split("\n").at(-1) ?? "");
}

describe("benchmarks", { timeout: 300_000 }, () => {
  it("are those of the documents, and say so", async () => {
    const names = /bench -- (\S+)/.exec(await bench("--help"))?.[1].split("|");
    const rows = readFileSync(new URL("../../docs/benches.md", import.meta.url), "utf8").matchAll(/^\| (`.*?`) \|/gm);
    const documented = Array.from(rows, ([, cell]) => Array.from(cell.matchAll(/`([\w-]+)`/g), ([, name]) => name));
    expect(names?.sort()).toEqual(documented.flat().sort());
  });

  it("refuse a name, a model or an option that they do not know, and a loader without images", async () => {
    for (const words of [["resnet19"], ["memory", "--model", "vgg"], ["mlp", "--fast"], ["mlp", "--device", "gpu"]]) {
      await expect(bench(...words), words.join(" ")).rejects.toThrow(/bench: |usage/);
    }
    await expect(jsonOf("loader")).rejects.toThrow(/loader needs --data <folder of class folders>/);
  });

  it.each(["mlp", "depthwise"])("%s: a training step", async (name) => {
    const form = common.extend({ ours: timing.extend({ firstMs: positive }) });
    const { bench: what, ours } = form.parse(await jsonOf(name));
    expect(what).toBe(name);
    const [batch, flop] = name === "mlp" ? [128, 6 * 128 * 535_040] : [64, 6 * 64 * 14_352_384];
    expect(ours.imagesPerSecond / ((batch * 1000) / ours.medianMs)).toBeCloseTo(1, 2);
    expect(ours.effectiveGflops / (flop / ours.medianMs / 1e6)).toBeCloseTo(1, 2);
  });

  it("startup: of the model that is requested", async () => {
    const start = z.object({ medianMs: positive, importMs: positive, processMs: positive });
    const ours = z.object({ model: z.literal("mlp"), medianMs: positive, cold: start, warm: start });
    common.extend({ ours }).parse(await jsonOf("startup", "--model", "mlp"));
  });

  it("memory: of the model that is requested", async () => {
    const ours = z.object({
      model: z.literal("mlp"),
      steps: z.tuple([z.literal(5), z.literal(20)]),
      liveBytes: z.tuple([positive, positive]),
      peakBytes: positive,
      buffers: positive,
      maxRssBytes: positive,
      seconds: positive,
    });
    common.extend({ ours }).parse(await jsonOf("memory", "--model", "mlp"));
  });

  it("loader: of a folder of images", async () => {
    const form = common.extend({
      ours: z.object({ imagesPerSecond: positive }),
      ...{ images: z.literal(140), skipped: z.literal(0), decodeSeconds: positive, reopenSeconds: positive },
      ...{ decode: positive, first: positive, later: positive, streamed: positive, consumed: positive },
      ...{ running: positive, waiting: z.number().min(0).max(1), inMemory: z.literal(true), headroom: positive },
    });
    form.parse(await jsonOf("loader", "--data", folder));
  });
});
