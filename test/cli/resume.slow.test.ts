/** The real program, killed and stopped in the middle of an epoch: it goes on as if nothing had happened. */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFile, cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../src/train/checkpoint.js";
import { setUp } from "../../tools/setup.mjs";
import { writeIdxFolder } from "../data/idx-bytes.js";
import { fastDevices } from "../support/devices.js";
import { childEnvironment, cli } from "../support/program.js";

const stepsPerEpoch = 320;
let root = "";
let data = "";
beforeAll(async () => {
  await setUp();
  root = await mkdtemp(join(tmpdir(), "fovea-stop-"));
  data = join(root, "columns");
  await writeIdxFolder(data, { train: 16 * stepsPerEpoch, test: 40, size: 12, classes: 4 });
});
afterAll(() => rm(root, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program; `act` is called once, when the output has `text`. */
function fovea(words: readonly string[], text?: string, act?: (child: ChildProcess) => void): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [cli, ...words], {
      env: childEnvironment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err, acted] = ["", "", false];
    child.stdout.on("data", (chunk) => {
      out += chunk;
      if (acted || text === undefined || !out.includes(text)) return;
      acted = true;
      act?.(child);
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("error", failed);
    child.on("close", (code, signal) => done({ code, signal, out, err }));
  });
}

const trainWords = (out: string, device: string) =>
  [
    "train",
    data,
    "--model",
    "lenet",
    "--batch",
    "16",
    "--lr",
    "0.003",
    "--epochs",
    "3",
    "--device",
    device,
    "--json",
  ].concat("--out", out);
const inEpoch2 = '"event":"step","epoch":2';
const bytesOf = (run: string) => readFile(join(run, "model.safetensors"));
const last = ({ out }: Ended) => JSON.parse(out.trimEnd().split("\n").at(-1) as string);

/** The metrics without paths and times. */
async function metricsOf(run: string): Promise<unknown[]> {
  const changing = ["seconds", "trainSeconds", "waiting", "imagesPerSecond", "secondsLeft", "path", "run"];
  const lines = (await readFile(join(run, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line, (key, value) => (changing.includes(key) ? undefined : value)));
}

/** Where the checkpoint of a run stands, in steps: inside an epoch or at the end of the first. */
async function stepOf(run: string): Promise<number> {
  return (await readCheckpoint(join(run, "checkpoint.safetensors"))).progress.step;
}

describe.each(fastDevices)("on %s", (device) => {
  let whole = "";
  beforeAll(async () => {
    whole = join(root, `whole-${device}`);
    expect((await fovea(trainWords(whole, device))).code).toBe(0);
  });

  const expectWhole = async (run: string) => {
    expect((await bytesOf(run)).equals(await bytesOf(whole))).toBe(true);
    expect(await metricsOf(run)).toEqual(await metricsOf(whole));
    expect((await readdir(run)).sort()).toEqual((await readdir(whole)).sort());
  };

  it("killed in the middle of epoch 2, a run goes on to the same bytes", async () => {
    const run = join(root, `killed-${device}`);
    const killed = await fovea(trainWords(run, device), inEpoch2, (child) => child.kill("SIGKILL"));
    expect(killed.signal).toBe("SIGKILL");
    expect(await stepOf(run)).toBe(stepsPerEpoch);
    const resumed = await fovea(["train", "--resume", run, "--json"]);
    expect([resumed.code, resumed.err]).toEqual([0, ""]);
    expect(JSON.parse(resumed.out.split("\n")[0])).toMatchObject({ event: "start", from: { epoch: 1 } });
    expect(last(resumed)).toMatchObject({ event: "done", stopped: "completed", steps: 3 * stepsPerEpoch });
    await expectWhole(run);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("so does one that was stopped by %s, from the step at hand", async (name, code) => {
    const run = join(root, `${name}-${device}`);
    const stopped = await fovea(trainWords(run, device), inEpoch2, (child) => child.kill(name));
    expect([stopped.code, stopped.err]).toEqual([code, ""]);
    const { steps, ...done } = last(stopped);
    expect(done).toMatchObject({ event: "done", stopped: "interrupted", epochs: 1, run });
    expect(await stepOf(run)).toBe(steps);
    expect(steps % stepsPerEpoch).toBeGreaterThan(0);
    expect((await readdir(run)).sort()).toEqual([
      "checkpoint.safetensors",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
    ]);
    const resumed = await fovea(["train", "--resume", run]);
    expect([resumed.code, resumed.err]).toEqual([0, ""]);
    expect(resumed.out.split("\n")[2]).toBe(`resuming after ${steps} steps, in epoch 2`);
    await expectWhole(run);
  });
});

describe("a run that was stopped", () => {
  it("is not resumed by two at once, and a second signal leaves whole files", async () => {
    const run = join(root, "twice");
    const words = trainWords(run, "native").map((word) => (word === "3" ? "100000" : word));
    let second: Promise<Ended> | undefined;
    const first = await fovea(words, inEpoch2, (child) => {
      second = fovea(["train", "--resume", run]).finally(() => {
        child.kill("SIGINT");
        child.kill("SIGINT");
      });
      second.catch(() => undefined);
    });
    expect(first.code).toBe(130);
    const refused = (await second) as Ended;
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toMatch(
      new RegExp(`^fovea: \\[run\\] process \\d+ is working in ${run}\\. Wait until it ends, or stop it\\n$`),
    );
    const step = await stepOf(run);
    expect(step).toBeGreaterThan(0);
    expect((await fovea(["evaluate", run, data])).code).toBe(0);
    const going = await fovea(["train", "--resume", run], "resuming after", (child) => child.kill("SIGINT"));
    expect(going.code).toBe(130);
    expect(going.out).toContain(`\nto resume      npx fovea train --resume ${run}\n`);
  });

  it("is refused on other data, and keeps what it has", async () => {
    const run = join(root, "refused");
    await fovea(trainWords(run, "native"), inEpoch2, (child) => child.kill("SIGINT"));
    const before = await metricsOf(run);
    const other = join(root, "other");
    await cp(data, other, { recursive: true });
    const moved = await fovea(["train", other, "--resume", run], "resuming after", (child) => child.kill("SIGINT"));
    expect(moved.code).toBe(130);
    await writeIdxFolder(other, { train: 16 * stepsPerEpoch, test: 44, size: 12, classes: 4 });
    expect(await fovea(["train", other, "--resume", run])).toMatchObject({
      code: 1,
      out: "",
      err:
        `fovea: [resume] ${other} is not what ${run} was trained on: test samples 44, were 40. ` +
        "Restore the data, or train again\n",
    });
    await appendFile(join(run, "config.json"), "\n");
    expect(await fovea(["train", "--resume", run])).toMatchObject({
      code: 1,
      err:
        `fovea: [run] ${join(run, "config.json")} has been changed since the checkpoint was taken. ` +
        "Restore it, or train a new run with other settings\n",
    });
    expect((await metricsOf(run)).slice(0, before.length - 2)).toEqual(before.slice(0, -2));
  });

  it("is done when it is done", async () => {
    const run = join(root, "whole-native");
    const hint = "For more epochs, train again: the learning rate is planned over the whole run";
    expect(await fovea(["train", "--resume", run])).toMatchObject({
      code: 2,
      out: "",
      err: `fovea: [run] ${run} is finished: all 3 epochs are done. ${hint}\n`,
    });
  });
});
