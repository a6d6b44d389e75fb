/**
 * `loader`: images per second from a folder of class folders, decoded in the first epoch and out of the cache later,
 * beside what a `resnet20` training step consumes, and the share of a short real run in which the model waits for data.
 * The images come from `--data`; they are used at 32 × 32 pixels, in colour.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataLoader, type ImageFolder, type ImageFolderDataset, loadImageFolder } from "../../src/data/index.js";
import { type EpochEvent, fit } from "../../src/train/index.js";
import { type Api, trained, trainingStep } from "../models.js";
import { type BenchOptions, openOurs, ourContestant } from "../ours.js";
import { median, type Report, round } from "../report.js";

const { batch: BATCH, input: INPUT } = trained.resnet20;
const STANDARDISATION = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const PASSES = 3;
const TIMED_STEPS = 20;
/** The real run: two epochs, the second of which counts. */
const RUN_BATCHES = 60;

/** Benchmarks the way from files to batches. */
export async function loaderBench(options: BenchOptions): Promise<Report> {
  const { data, quick } = options;
  if (!data) throw new Error("loader needs --data <folder of class folders>, or FOVEA_BENCH_DATA");
  const cache = mkdtempSync(join(tmpdir(), "fovea-pixels-"));
  try {
    const open = (memoryBytes?: number) =>
      loadImageFolder(data, {
        size: [INPUT[1], INPUT[2]],
        channels: 3,
        cache,
        ...(memoryBytes === 0 && { memoryBytes }),
      });
    const [folder, openSeconds] = await timed(() => open());
    const count = partsOf(folder).reduce((sum, { length }) => sum + length, 0);
    const [, firstSeconds] = await timed(() => pass(folder));
    const [, cachedSeconds] = await timed(() => open());
    const later = await passes(folder, quick ? 1 : PASSES);
    const streamed = await passes(await open(0), quick ? 1 : PASSES);
    const api = await openOurs(options);
    const stepMs = await stepTime(api, quick ? 3 : TIMED_STEPS);
    const run = await shortRun(api, folder, quick ? 5 : RUN_BATCHES);
    return report(options, {
      images: count,
      skipped: folder.skipped.length,
      decodeSeconds: folder.decodeSeconds ?? 0,
      reopenSeconds: cachedSeconds,
      inMemory: folder.inMemory,
      decode: count / (folder.decodeSeconds ?? 0),
      first: count / (openSeconds + firstSeconds),
      later: count / later,
      streamed: count / streamed,
      consumed: (BATCH * 1000) / stepMs,
      ...run,
    });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Rates in images per second. */
interface Figures {
  readonly images: number;
  readonly skipped: number;
  readonly decodeSeconds: number;
  readonly reopenSeconds: number;
  readonly inMemory: boolean;
  readonly decode: number;
  readonly first: number;
  readonly later: number;
  readonly streamed: number;
  readonly consumed: number;
  readonly running: number;
  readonly waiting: number;
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, seconds: number]> {
  const begin = performance.now();
  const result = await work();
  return [result, (performance.now() - begin) / 1000];
}

function partsOf({ all, train, validation, test }: ImageFolder): ImageFolderDataset[] {
  const parts: (ImageFolderDataset | undefined)[] = [all, train, validation, test];
  return parts.flatMap((part) => part?.standardise(STANDARDISATION) ?? []);
}

/** All images once, as shuffled batches. */
async function pass(folder: ImageFolder): Promise<void> {
  for (const part of partsOf(folder)) {
    for await (const { x, y } of new DataLoader(part, { batchSize: BATCH, shuffle: true })) {
      for (const tensor of [x, y]) tensor[Symbol.dispose]();
    }
  }
}

/** Seconds of a pass. */
async function passes(folder: ImageFolder, count: number): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < count; i++) seconds.push((await timed(() => pass(folder)))[1]);
  return median(seconds);
}

/** Milliseconds of a step that has its batch at hand. */
async function stepTime(api: Api, steps: number): Promise<number> {
  const { run } = ourContestant("resnet20", trainingStep("resnet20", api).call);
  await run(3);
  return median(await run(steps));
}

/** Trains on part of the images: images per second and the share of waiting in the second epoch. */
async function shortRun(
  { nn, optim, vision }: Api,
  { train, all }: ImageFolder,
  batches: number,
): Promise<Pick<Figures, "running" | "waiting">> {
  const whole = (train ?? all) as ImageFolderDataset;
  const size = Math.min(whole.length, batches * BATCH);
  if (size < BATCH) throw new Error(`loader needs a folder of at least ${BATCH} images, this one has ${whole.length}`);
  const part = whole.standardise(STANDARDISATION).subset(
    Int32Array.from({ length: size }, (_, i) => Math.floor((i * whole.length) / size)),
    "train",
  );
  nn.manualSeed(0);
  const model = vision.createModel("resnet20", { classes: whole.classes.length, size: [INPUT[1], INPUT[2]] });
  let last: EpochEvent | undefined;
  await fit({
    model,
    optimizer: new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
    train: new DataLoader(part, { batchSize: BATCH, shuffle: true, dropLast: true }),
    epochs: 2,
    onEvent: (event) => {
      if (event.event === "epoch") last = event;
    },
  });
  if (!last) throw new Error("the run had no epoch");
  return { running: last.imagesPerSecond, waiting: last.waiting };
}

function report({ device, data }: BenchOptions, figures: Figures): Report {
  const { images, later, consumed, waiting, skipped } = figures;
  const rows: readonly (readonly [what: string, imagesPerSecond: number])[] = [
    ["decoding alone", figures.decode],
    ["first epoch: empty cache", figures.first],
    [`later epochs: ${figures.inMemory ? "pixels in memory" : "pixels streamed"}`, later],
    ["later epochs, streamed from disk", figures.streamed],
    [`consumed by a resnet20 step on ${device}`, consumed],
    ["a real run of resnet20", figures.running],
  ];
  const headroom = round(later / consumed);
  const rounded = Object.entries(figures).map(([key, value]) => [
    key,
    typeof value === "number" ? round(value) : value,
  ]);
  return {
    bench: "loader",
    ours: { imagesPerSecond: round(later) },
    peers: {},
    speedup: {},
    table: [["", "images/s"], ...rows.map(([what, rate]) => [what, rate.toFixed(0)])],
    details: { ...Object.fromEntries(rounded), headroom },
    notes: [
      `${images} images of ${data}, ${skipped} files left out; later epochs give ${headroom} times what resnet20 takes`,
      `the real run waited for data in ${(100 * waiting).toFixed(2)} % of the time of its steps`,
    ],
  };
}
