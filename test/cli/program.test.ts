/** Command lines that are wrong: one line on standard error with the fix, and the exit code. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { argumentsOf, meaningOf } from "../../src/cli/command.js";
import { commands } from "../../src/cli/commands/index.js";
import { runProgram } from "../../src/cli/program.js";
import { optimizerNames } from "../../src/train/recipes.js";
import { modelNames } from "../../src/vision/index.js";
import { writeIdxFolder } from "../data/idx-bytes.js";
import { capture } from "./capture.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fovea-cli-"));
  await writeIdxFolder(join(root, "tiny"), { train: 8, test: 4, size: 4, classes: 2 });
});
afterAll(() => rm(root, { recursive: true }));

async function run(...words: string[]) {
  const { terminal, texts } = capture();
  const code = await runProgram(words, terminal, false);
  return { code, ...texts };
}

describe("help", () => {
  it("is shown when nothing is asked, and on request", async () => {
    for (const words of [[], ["--help"], ["help"]]) {
      const { code, out, err } = await run(...words);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/^Usage: fovea /);
      for (const { name } of commands) expect(out).toContain(`\n  ${name} `);
    }
  });

  describe.each(commands)("of $name", ({ name, load }) => {
    it("says what its schema says of each argument", async () => {
      const command = await load();
      const { code, out } = await run(name, "--help");
      expect(code).toBe(0);
      expect((await run("help", name)).out).toBe(out);
      const words = out.replaceAll(/\s+/g, " ");
      for (const argument of argumentsOf(command)) {
        expect(out).toContain(argument.positional ? `\n  ${argument.name} ` : `\n  --${argument.name} `);
        expect(argument.description).not.toBe("");
        expect(words).toContain(meaningOf(argument));
      }
    });

    it.each([60, 100])("fits a terminal of %i columns", async (columns) => {
      const { terminal, texts } = capture({ columns });
      await runProgram([name, "--help"], terminal, false);
      expect(texts.out.split("\n").filter((line) => line.length > columns)).toEqual([]);
    });
  });

  it("has a version", async () => expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/));
});

describe("misuse ends with code 2 and one line", () => {
  it.each([
    ["trian mnist", "unknown command trian. Did you mean train?"],
    ["frobnicate", "unknown command frobnicate. See fovea --help"],
    ["train", "missing required argument data. See fovea --help"],
    ["train mnist --epoch 3", "unknown option --epoch. Did you mean --epochs?"],
    ["train mnist --xyzzy", "unknown option --xyzzy. See fovea --help"],
    ["train mnist --epochs", "option --epochs <n> argument missing. See fovea --help"],
    ["train mnist fashion-mnist", "too many arguments for train. Expected 1 argument but got 2. See fovea --help"],
    ["train mnist --epochs many", "[cli] --epochs must be a number, got many"],
    ["train mnist --epochs 0", "[cli] --epochs must be a whole number from 1, got 0"],
    ["train mnist --batch 2.5", "[cli] --batch must be a whole number from 1, got 2.5"],
    ["train mnist --cutout large", "[cli] --cutout must be a number, got large"],
    ["train mnist --flip 1.5", "[cli] --flip must be a number from 0 to 1, got 1.5"],
    ["train mnist --lr -1", "[cli] --lr must be a number above 0, got -1"],
    ["train mnist --seed -4", "[cli] --seed must be a whole number from 0, got -4"],
    ["train mnist --model resnet", `[cli] --model must be one of ${modelNames.join(", ")}, got resnet`],
    ["train mnist --optimizer addam", `[cli] --optimizer must be one of ${optimizerNames.join(", ")}, got addam`],
    ["train mnist --device cuda", "[cli] --device must be one of native, wasm, interp, got cuda"],
    ["train minst", "[data] there is no data set or folder minst. Did you mean mnist?"],
    [
      "train imagenet",
      "[data] there is no data set or folder imagenet. Known are mnist, fashion-mnist, and any folder of class folders or of IDX files",
    ],
    ["train mnist --resume", "option --resume <run> argument missing. See fovea --help"],
    ...(["model", "batch", "lr", "optimizer", "seed", "out", "size"] as const).map((name): [string, string] => [
      `train --resume runs/a --${name} 1`,
      `[cli] --${name} cannot be given with --resume: the run has its own. Leave it out, or train a new run`,
    ]),
    [
      "train --resume runs/a --epochs 20",
      "[cli] --epochs cannot be given with --resume: the learning rate is planned over its epochs. Leave it out, or train a new run",
    ],
    ["train --resume runs/a --device cuda", "[cli] --device must be one of native, wasm, interp, got cuda"],
    ["predict", "missing required argument run. See fovea --help"],
    ["predict runs/a", "missing required argument images. See fovea --help"],
    ["predict runs/a a.png --device cuda", "[cli] --device must be one of native, wasm, interp, got cuda"],
    ["evaluate runs/a", "missing required argument data. See fovea --help"],
  ])("fovea %s", async (line, message) => {
    expect(await run(...line.split(" "))).toEqual({ code: 2, out: "", err: `fovea: ${message}\n` });
  });

  it("batch larger than the data", async () => {
    const tiny = join(root, "tiny");
    expect(await run("train", tiny, "--batch", "9")).toEqual({
      code: 2,
      out: "",
      err: "fovea: [train] batch 9 is more than the 8 training samples. Choose a batch up to 8\n",
    });
  });
});

describe("work that fails ends with code 1, one line, and nothing written", () => {
  it("a run folder that is none", async () => {
    const none = join(root, "none");
    const hint = "Pass the folder that fovea train has printed";
    const err = `fovea: [run] ${none} is not a run folder: there is no config.json in it. ${hint}\n`;
    expect(await run("predict", none, "a.png")).toEqual({ code: 1, out: "", err });
    expect(await run("evaluate", none, "mnist")).toEqual({ code: 1, out: "", err });
    expect(await run("train", "--resume", none)).toEqual({ code: 1, out: "", err });
  });

  it("a data folder with a truncated file", async () => {
    const folder = join(root, "cut");
    await writeIdxFolder(folder, { train: 8, test: 4, size: 4, classes: 2 });
    const images = join(folder, "t10k-images-idx3-ubyte");
    await writeFile(images, Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 1, 2));
    const out = join(root, "never");
    expect(await run("train", folder, "--out", out)).toEqual({
      code: 1,
      out: "",
      err: `fovea: [idx] ${images} is truncated: 18 bytes of 80. Download or copy the file again\n`,
    });
    expect(await readdir(root)).not.toContain("never");
  });
});
