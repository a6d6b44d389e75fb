/** The real program in processes of its own, on a data set that is learned in seconds. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseIdx } from "../../src/data/index.js";
import { setUp } from "../../tools/setup.mjs";
import { writeIdxFolder } from "../data/idx-bytes.js";
import { childEnvironment, cli } from "../support/program.js";

const convert = "Convert the image to JPEG, PNG or WebP";
const likeThose = "Evaluate on data like those it was trained on";
let root = "";
let data = "";
beforeAll(async () => {
  await setUp();
  root = await mkdtemp(join(tmpdir(), "fovea-e2e-"));
  data = join(root, "columns");
  await writeIdxFolder(data, { train: 128, test: 32, size: 12, classes: 4 });
});
afterAll(() => rm(root, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Sees the standard output of a program as it grows, and may signal it or close its output. */
type Watch = (out: string, child: ReturnType<typeof spawn>) => void;

const fovea = (words: readonly string[], onOutput?: Watch, environment: NodeJS.ProcessEnv = {}) =>
  execute(process.execPath, [cli, ...words], environment, onOutput);

function execute(
  program: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  onOutput?: Watch,
): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(program, words, {
      env: { ...childEnvironment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => {
      out += text;
      onOutput?.(out, child);
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    child.on("error", failed);
    child.on("close", (code) => done({ code, out, err }));
  });
}

const eventsOf = (out: string) =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const train = (out: string, ...more: string[]) =>
  fovea(["train", data, "--model", "lenet", "--batch", "16", "--lr", "0.05", "--out", out, ...more]);

async function writeImage(path: string, sample: number, size = 12): Promise<string> {
  const { data: pixels } = parseIdx(await readFile(join(data, "t10k-images-idx3-ubyte")), "x");
  const png = new PNG({ width: size, height: size });
  for (let i = 0; i < size * size; i++) {
    const [y, x] = [Math.floor(i / size), i % size].map((at) => Math.floor((at * 12) / size));
    png.data.fill(pixels[sample * 144 + y * 12 + x], i * 4, i * 4 + 3);
    png.data[i * 4 + 3] = 255;
  }
  await writeFile(path, PNG.sync.write(png));
  return path;
}

describe("train, evaluate, predict", () => {
  it("learns, saves, and both others agree", async () => {
    const run = join(root, "first");
    const trained = await train(run, "--epochs", "6", "--json");
    expect(trained).toMatchObject({ code: 0, err: "" });
    const done = eventsOf(trained.out).at(-1);
    expect(done).toMatchObject({ event: "done", run, stopped: "completed" });
    expect(done.testAccuracy).toBeGreaterThan(0.9);
    expect(done.trainSeconds).toBeGreaterThan(0);
    expect((await readdir(run)).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
    const written = eventsOf(await readFile(join(run, "metrics.jsonl"), "utf8"));
    expect(written.at(-1)).toEqual(done);

    const evaluated = await fovea(["evaluate", run, data, "--json"]);
    expect(evaluated).toMatchObject({ code: 0, err: "" });
    expect(eventsOf(evaluated.out)).toEqual([
      { event: "done", testAccuracy: done.testAccuracy, testLoss: done.testLoss, testSamples: 32, run, data },
    ]);
    const shown = await fovea(["evaluate", run, data]);
    expect(shown.out).toMatch(/^test accuracy {2}\d+\.\d\d % {2}\(\d+ of 32\)\ntest loss {6}\d\.\d{4}\n$/);

    const image = await writeImage(join(root, "two.png"), 2);
    const large = await writeImage(join(root, "large.png"), 2, 48);
    const predicted = await fovea(["predict", run, image, large, "--json"]);
    expect(predicted).toMatchObject({ code: 0, err: "" });
    const [first, second] = eventsOf(predicted.out);
    expect(first).toMatchObject({ event: "prediction", image: image, class: "2", notes: ["colours turned to grey"] });
    const sum = Object.values<number>(first.probabilities).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 5);
    expect(second.class).toBe("2");
    expect(second.notes).toEqual(["colours turned to grey", "resized from 48 x 48 to 12 x 12"]);

    const mixed = await fovea(["predict", run, join(root, "none.png"), image, join(data, "t10k-labels-idx1-ubyte")]);
    expect(mixed.code).toBe(1);
    expect(mixed.out).toMatch(/two\.png: 2 \d+\.\d\d %, then .+ \(colours turned to grey\)\n$/);
    expect(mixed.err).toBe(
      `fovea: [io] cannot read ${join(root, "none.png")}: no such file or directory\n` +
        `fovea: [predict] ${join(data, "t10k-labels-idx1-ubyte")}: not a JPEG, PNG or WebP file. ${convert}\n`,
    );

    const other = await fovea(["evaluate", run, "mnist"]);
    const has = "mnist has images of [1, 28, 28] in 10 classes";
    const err = `fovea: [evaluate] ${has}, but the model of ${run} takes [1, 12, 12] in 4. ${likeThose}\n`;
    expect(other).toEqual({ code: 1, out: "", err });
  });

  it("gives the same bytes for the same seed", async () => {
    const runs = [join(root, "same-a"), join(root, "same-b"), join(root, "other")];
    await train(runs[0], "--epochs", "1", "--seed", "5");
    await train(runs[1], "--epochs", "1", "--seed", "5");
    await train(runs[2], "--epochs", "1", "--seed", "6");
    const [a, b, c] = await Promise.all(runs.map((run) => readFile(join(run, "model.safetensors"))));
    expect(a.equals(b)).toBe(true);
    expect(a.equals(c)).toBe(false);
  });

  it("works on the reference device too, and prints plain lines where there is no terminal", async () => {
    const run = join(root, "reference");
    const { code, out, err } = await train(run, "--epochs", "1", "--device", "interp", "--optimizer", "adamw");
    expect([code, err]).toEqual([0, ""]);
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/columns · lenet · [\d,]+ parameters · interp · batch 16 · seed 0$/);
    expect(lines[2]).toMatch(
      /^epoch 1\/1 {2}loss \d\.\d{4} {2}accuracy +\d+\.\d\d % {2}[\d,]+ images\/s {2}waiting \d+ % {2}0:00 left$/,
    );
    expect(out).toMatch(/\ntest accuracy {2}\d+\.\d\d %\n/);
    expect(out).toContain(`\nsaved in       ${run}\n`);
    expect(out).not.toContain("\u001b");
  });
});

describe("without a C compiler", () => {
  const without = { CC: "no-such-compiler" };
  const warning =
    '[fovea] the compiler named by CC, "no-such-compiler", does not exist: using wasm instead, which is about 3 times ' +
    "slower. Unset CC or name an installed compiler\n";
  const jsonOf = async (words: readonly string[], environment: NodeJS.ProcessEnv) => {
    const { code, out, err } = await fovea([...words, "--json"], undefined, environment);
    return { code, err, last: eventsOf(out).at(-1) };
  };

  it("trains on wasm and says so, unless it was requested", async () => {
    const run = join(root, "without");
    const words = ["train", data, "--model", "lenet", "--batch", "16", "--epochs", "1", "--out", run];
    const { code, err } = await jsonOf(words, without);
    expect([code, err]).toEqual([0, warning]);
    expect(JSON.parse(await readFile(join(run, "config.json"), "utf8"))).toMatchObject({ device: "wasm" });
    const asked = await jsonOf([...words.slice(0, -1), join(root, "asked"), "--device", "wasm"], without);
    expect([asked.code, asked.err]).toEqual([0, ""]);
    const refused = await fovea(
      [...words.slice(0, -1), join(root, "refused"), "--device", "native"],
      undefined,
      without,
    );
    expect([refused.code, refused.err.includes("does not exist")]).toEqual([1, true]);
  });

  it("scores a run that was trained on native as native does", async () => {
    const run = join(root, "moved");
    expect((await train(run, "--epochs", "2")).code).toBe(0);
    const native = await jsonOf(["evaluate", run, data], {});
    const wasm = await jsonOf(["evaluate", run, data], without);
    expect([native.err, wasm.err]).toEqual(["", warning]);
    expect(wasm.last.testAccuracy).toBe(native.last.testAccuracy);
    expect(wasm.last.testLoss).toBeCloseTo(native.last.testLoss, 5);
  });
});

describe("trouble", () => {
  it("two processes with one folder: one wins, the other says so", async () => {
    const run = join(root, "contested");
    const both = await Promise.all([train(run, "--epochs", "1"), train(run, "--epochs", "1")]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 2]);
    const loser = both.find(({ code }) => code === 2);
    expect(loser?.err).toBe(`fovea: [run] ${run} already holds a run. Choose another folder\n`);
    expect((await readdir(run)).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
  });

  it("a loss that is not finite: one line, and the last good model is kept", async () => {
    const run = join(root, "diverged");
    const { code, err } = await train(run, "--lr", "1e39", "--epochs", "2");
    expect(code).toBe(1);
    expect(err).toMatch(/^fovea: \[fit\] .+ (in step \d+ \(epoch 1\)|after step \d+)\. Lower the learning rate.*\n$/);
    expect((await fovea(["evaluate", run, data])).code).toBe(0);
  });

  it.skipIf(process.platform === "win32")("a disk that takes no more: one line, and nothing is left", async () => {
    const run = join(root, "full");
    const words = ["train", data, "--model", "lenet", "--batch", "16", "--device", "interp", "--out", run];
    // A limit on the size of files stands for a full disk.
    const script = `ulimit -f 20; exec "$0" "${cli}" "$@"`;
    const ended = await execute("bash", ["-c", script, process.execPath, ...words], { TSX_DISABLE_CACHE: "1" });
    const model = join(run, "model.safetensors");
    expect(ended.err).toMatch(`fovea: [io] cannot write ${model}: file too large\n`);
    expect(ended.code).toBe(1);
    expect(await readdir(root)).not.toContain("full");
  });

  it("a folder that cannot be made", async () => {
    await writeFile(join(root, "file"), "");
    const run = join(root, "file", "run");
    expect(await train(run)).toEqual({
      code: 1,
      out: "",
      err: `fovea: [io] cannot make the folder ${run}: not a directory\n`,
    });
  });

  it("Ctrl-C: saves and ends with 130", async () => {
    const run = join(root, "stopped");
    const words = ["train", data, "--model", "lenet", "--batch", "16", "--epochs", "100000", "--out", run, "--json"];
    let sent = false;
    const { code, out, err } = await fovea(words, (text, child) => {
      if (sent || !text.includes('"event":"epoch"')) return;
      sent = true;
      child.kill("SIGINT");
    });
    expect([code, err]).toEqual([130, ""]);
    expect(eventsOf(out).at(-1)).toMatchObject({ event: "done", stopped: "interrupted" });
    expect((await fovea(["evaluate", run, data])).code).toBe(0);
    const names = ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors"];
    expect((await readdir(run)).sort()).toEqual(names);
  });

  it("a reader that goes away is no error", async () => {
    const words = ["train", data, "--model", "lenet", "--epochs", "100000", "--out", join(root, "pipe"), "--json"];
    const { code, err } = await fovea(words, (_, child) => child.stdout?.destroy());
    expect([code, err]).toEqual([0, ""]);
  });
});

describe("devices", () => {
  it("tells what there is, for people and for programs", async () => {
    const { code, out, err } = await fovea(["devices"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^native {3}(available|missing: .+)\n/);
    expect(out).toMatch(/^interp {3}available\n/m);
    for (const device of eventsOf((await fovea(["devices", "--json"])).out)) {
      expect(device).toMatchObject({ name: expect.any(String), available: expect.any(Boolean) });
    }
  });
});
