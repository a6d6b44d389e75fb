/** Whole runs that go on: their data are opened again and must be the same, and what there is of them is never lost. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useDevice } from "../../src/index.js";
import { prepareRun, resumeRun, type TrainEvent, type TrainOptions } from "../../src/train/index.js";
import { lockFolder } from "../../src/train/lock.js";
import { describeError } from "../../src/util/errors.js";
import { writeIdxFolder } from "../data/idx-bytes.js";
import { plain, writeFiles } from "../data/image-files.js";

let folder = "";
let cacheBefore: string | undefined;
beforeEach(async () => {
  await useDevice("interp");
  folder = await mkdtemp(join(tmpdir(), "fovea-resume-run-"));
  cacheBefore = process.env.FOVEA_CACHE;
  process.env.FOVEA_CACHE = join(folder, "cache");
});
afterEach(async () => {
  if (cacheBefore === undefined) delete process.env.FOVEA_CACHE;
  else process.env.FOVEA_CACHE = cacheBefore;
  await rm(folder, { recursive: true });
});

/** Trains for three epochs, or up to the end of the first. */
async function train(data: string, name: string, options: Partial<TrainOptions> & { stop?: boolean } = {}) {
  const { stop = false, ...given } = options;
  const out = join(folder, name);
  const stopping = new AbortController();
  const onEvent = ({ event }: TrainEvent) => {
    if (stop && event === "step") stopping.abort();
  };
  const quick = { model: "mlp", epochs: 3, batch: 8, lr: 0.01, device: "interp", out } as const;
  const { stopped } = await (await prepareRun({ data, ...quick, ...given })).start({
    onEvent,
    signal: stopping.signal,
  });
  expect(stopped).toBe(stop ? "interrupted" : "completed");
  return out;
}

async function resume(run: string, options: Parameters<typeof resumeRun>[1] = {}) {
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => events.push(event);
  const { start, config } = await resumeRun(run, { ...options, onEvent });
  return { done: await start({ onEvent }), events, config };
}

const weights = (run: string) => readFile(join(run, "model.safetensors"), "hex");
const lineOf = (work: Promise<unknown>) => work.then(() => "no error", describeError);
const remains = async (run: string) =>
  Promise.all((await readdir(run)).sort().map(async (name) => [name, await readFile(join(run, name), "hex")]));

describe("on a folder of images", () => {
  async function writeShades(root: string): Promise<void> {
    for (let i = 0; i < 20; i++) {
      const level = (i * 37) % 200;
      await writeFiles(root, {
        [`blue/${i}.png`]: await plain(6, 5, [level, 60, 90 + i]),
        [`red/${i}.png`]: await plain(6, 5, [90 + i, 60, level]),
      });
    }
    await writeFiles(root, { "red/broken.png": "these are words and no image" });
  }

  it("goes on where the images are now, resized as they were", async () => {
    const root = join(folder, "shades");
    await writeShades(root);
    const whole = await train(root, "whole", { size: "4x5" });
    const cut = await train(root, "cut", { size: "4x5", stop: true });
    const skipped = await readFile(join(cut, "skipped.jsonl"), "utf8");
    const moved = join(folder, "moved");
    await cp(root, moved, { recursive: true });
    await rm(root, { recursive: true });
    expect(await lineOf(resume(cut))).toMatch(/^\[data\] there is no data set or folder /);
    await writeFiles(moved, { "red/notes.txt": "" });
    const { done, events, config } = await resume(cut, { data: moved, memory: "1KB" });
    expect(done).toMatchObject({ stopped: "completed", epochs: 3 });
    expect(config).toMatchObject({ device: "interp", input: { shape: [3, 4, 5] } });
    expect(await weights(cut)).toBe(await weights(whole));
    expect(await readFile(join(cut, "skipped.jsonl"), "utf8")).toBe(skipped);
    // The warning is shown again, but it is in the metrics once.
    expect(events.filter(({ event }) => event === "warning")).toHaveLength(1);
    expect((await readFile(join(cut, "metrics.jsonl"), "utf8")).match(/"warning"/g)).toHaveLength(1);
  });

  it("refuses images that have changed", async () => {
    const root = join(folder, "shades");
    await writeShades(root);
    const cut = await train(root, "cut", { stop: true });
    const before = await remains(cut);
    await writeFiles(root, { "red/more.png": await plain(6, 5, [255, 0, 0]) });
    const hint = "Restore the data, or train again";
    const line = (difference: string) => `[resume] ${root} is not what ${cut} was trained on: ${difference}. ${hint}`;
    expect(await lineOf(resume(cut))).toBe(line("training samples 33, were 32"));
    await rm(join(root, "red/more.png"));
    await writeFiles(root, { "red/0.png": await plain(6, 5, [1, 2, 3]) });
    expect(await lineOf(resume(cut))).toBe(line("other pixels or labels"));
    expect(await remains(cut)).toEqual(before);
  });
});

describe("on IDX files", () => {
  it("refuses other pixels, also with the same statistics", async () => {
    const data = join(folder, "idx");
    await writeIdxFolder(data);
    const cut = await train(data, "cut", { stop: true });
    const path = join(data, "t10k-images-idx3-ubyte");
    const bytes = await readFile(path);
    const [first, second] = [bytes[16], bytes[17]];
    await writeFile(path, bytes.fill(second, 16, 17).fill(first, 17, 18));
    expect(await lineOf(resume(cut))).toMatch(/ was trained on: other pixels or labels\. Restore the data/);
    await writeFile(path, bytes.fill(first, 16, 17).fill(second, 17, 18));
    expect((await resume(cut)).done.stopped).toBe("completed");
  });

  it("loses nothing when it fails at once, or another process is at work", async () => {
    const data = join(folder, "idx");
    await writeIdxFolder(data);
    const cut = await train(data, "cut", { stop: true });
    const before = await remains(cut);
    const release = await lockFolder(cut);
    expect(await lineOf(resume(cut))).toBe(
      `[run] process ${process.pid} is working in ${cut}. Wait until it ends, or stop it`,
    );
    await release();
    const { start } = await resumeRun(cut);
    const failing = start({
      onEvent: () => {
        throw new Error("the listener fails");
      },
    });
    await expect(failing).rejects.toThrow("the listener fails");
    expect(await remains(cut)).toEqual(before);
    expect(await lineOf(resume(cut, { memory: "lots" }))).toMatch(/^\[train\] memory must be a number of bytes/);
    expect((await resume(cut)).done.stopped).toBe("completed");
  });
});
