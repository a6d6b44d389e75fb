/** What a run looks like: lines, a bar, JSON. */
import { describe, expect, it } from "vitest";
import { decodeReporter, humanReporter, jsonReporter } from "../../src/cli/progress.js";
import { formatCount, formatShare, formatTime } from "../../src/cli/terminal.js";
import type { RunConfig, StartEvent, TrainEvent } from "../../src/train/index.js";
import { capture } from "./capture.js";

const config: RunConfig = {
  format: 1,
  data: { name: "mnist", trainSamples: 8000, testSamples: 2000 },
  input: { shape: [1, 28, 28], classes: ["0"], scale: 1 / 255, mean: [0], std: [1] },
  model: "cnn",
  optimizer: "sgd",
  lr: 0.05,
  momentum: 0.9,
  weightDecay: 0,
  warmupEpochs: 1,
  augment: { rotation: 0, scale: 0, shift: 0 },
  epochs: 10,
  batch: 64,
  seed: 0,
  device: "native",
};
const pace = { waiting: 0.004, imagesPerSecond: 6230.4, secondsLeft: 8.2 };
const step = (number: number, loss: number): TrainEvent => ({
  event: "step",
  epoch: 1,
  step: number,
  loss,
  accuracy: 0.5,
  lr: 0.1,
  ...pace,
});
const events: readonly TrainEvent[] = [
  {
    event: "start",
    epochs: 10,
    stepsPerEpoch: 2,
    batchSize: 64,
    trainSamples: 8000,
    testSamples: 2000,
    parameters: 421642,
  },
  { event: "checkpoint", epoch: 0, step: 0, path: "runs/a/model.safetensors" },
  step(1, 2.5),
  step(2, 1.5),
  { event: "epoch", epoch: 1, step: 2, loss: 0.0412, accuracy: 0.98714, seconds: 1, ...pace },
  { event: "warning", message: "the loss rose" },
  {
    event: "done",
    testAccuracy: 0.9895,
    testLoss: 0.03,
    trainSeconds: 11.34,
    run: "runs/a b",
    epochs: 10,
    steps: 20,
    stopped: "completed",
  },
];

describe("without a terminal", () => {
  it("prints plain lines, one per epoch, and a summary", () => {
    const { terminal, texts } = capture();
    const { report } = humanReporter(terminal, config);
    for (const event of events) report(event);
    expect(texts.out).toBe(
      [
        "mnist · cnn · 421,642 parameters · native · batch 64 · seed 0",
        "8,000 images for training, 2,000 for the test",
        "epoch  1/10  loss 0.0412  accuracy  98.71 %  6,230 images/s  waiting 0 %  0:08 left",
        "warning: the loss rose",
        "",
        "test accuracy  98.95 %",
        "training time  11.3 s",
        "saved in       runs/a b",
        "",
        "What to try next:",
        "  npx fovea predict 'runs/a b' image.png  the class of an image of your own",
        "  npx fovea evaluate 'runs/a b' mnist     the test again, from the files",
        "  npx fovea train mnist --model lenet     another model",
        "",
      ].join("\n"),
    );
    expect(texts.err).toBe("");
  });

  it("says that it was interrupted", () => {
    const { terminal, texts } = capture();
    const done: TrainEvent = { event: "done", trainSeconds: 2, epochs: 1, steps: 2, stopped: "interrupted" };
    humanReporter(terminal, config).report(done);
    expect(texts.out).toBe("\nstopped        after 1 of 10 epochs, as requested\ntraining time  2.0 s\n");
  });

  it("says how to go on, and where it goes on", () => {
    const { terminal, texts } = capture();
    const done = {
      event: "done",
      trainSeconds: 2,
      epochs: 1,
      steps: 3,
      stopped: "interrupted",
      run: "runs/a b",
    } as const;
    humanReporter(terminal, config).report(done);
    expect(texts.out).toContain("saved in       runs/a b\nto resume      npx fovea train --resume 'runs/a b'\n");
    const start = events[0] as StartEvent;
    const shown = (epoch: number, step: number) => {
      const { terminal, texts } = capture();
      humanReporter(terminal, config).report({ ...start, from: { epoch, step } });
      return texts.out.trimEnd().split("\n").at(-1);
    };
    expect(shown(1, 3)).toBe("resuming after 3 steps, in epoch 2");
    expect(shown(0, 1)).toBe("resuming after 1 step, in epoch 1");
    expect(shown(10, 2000)).toBe("resuming after 2,000 steps, only the test is left");
  });

  it("begins the bar at the epoch where it goes on", () => {
    const { terminal, texts } = capture({ isTTY: true, environment: { NO_COLOR: "1" } });
    const { report, close } = humanReporter(terminal, config);
    report({ ...(events[0] as StartEvent), from: { epoch: 3, step: 7 } });
    close();
    expect(texts.out).toContain("epoch  4/10  ");
    expect(texts.out).toContain("compiling kernels");
  });
});

describe("decoding", () => {
  const decode = (done: number): TrainEvent => ({ event: "decode", done, total: 3000, seconds: done / 1000 });
  const end = "decoded 3,000 images in 3.0 s (1,000 images/s), kept for later runs\n";

  it("is one line at its end where nothing can be redrawn", () => {
    const { terminal, texts } = capture();
    const { report, close } = decodeReporter(terminal);
    for (const done of [1000, 2000, 3000]) report(decode(done));
    close();
    expect(texts.out).toBe(end);
  });

  it("is redrawn on a terminal, and cleared when it ends early", () => {
    const { terminal, texts } = capture({ isTTY: true });
    const { report, close } = decodeReporter(terminal);
    report(decode(1000));
    const clear = "\r\u001b[K";
    expect(texts.out).toBe(`${clear}decoding 1,000 of 3,000 images  1,000 images/s`);
    close();
    expect(texts.out.endsWith(clear)).toBe(true);
    report(decode(2000));
    report(decode(3000));
    expect(texts.out.endsWith(`${clear}${end}`)).toBe(true);
  });

  it("is followed by what was found in the folder", () => {
    const { terminal, texts } = capture();
    const folder = { resize: true, skipped: 1, ignored: 1200, fingerprint: "" };
    const input = { ...config.input, shape: [3, 160, 224] as [number, number, number], classes: ["a", "b"] };
    const { report } = humanReporter(terminal, { ...config, input, data: { ...config.data, folder } });
    report(events[0]);
    expect(texts.out).toContain("\n224 x 160 RGB, 2 classes, 1 damaged file skipped, 1,200 other files ignored\n");
  });
});

describe("on a terminal", () => {
  it("draws a bar with epoch, loss, accuracy, pace and time left, then the line of the epoch", () => {
    const { terminal, texts } = capture({ isTTY: true, environment: { NO_COLOR: "1" } });
    const { report } = humanReporter(terminal, config);
    for (const event of events) report(event);
    expect(texts.out).toContain("compiling kernels");
    expect(texts.out).toContain("epoch  1/10  ");
    expect(texts.out).toContain(
      "epoch  1/10  loss 0.0412  accuracy  98.71 %  6,230 images/s  waiting 0 %  0:08 left\n",
    );
    expect(texts.out).toContain("test accuracy  98.95 %");
    expect(texts.out).not.toContain("\u001b[32m");
    expect(texts.out.lastIndexOf("\u001b[?25h")).toBeGreaterThan(texts.out.lastIndexOf("\u001b[?25l")); // cursor is back
  });

  it("gives the cursor back when the run fails", () => {
    const { terminal, texts } = capture({ isTTY: true });
    const { report, close } = humanReporter(terminal, config);
    for (const event of events.slice(0, 3)) report(event);
    close();
    expect(texts.out.lastIndexOf("\u001b[?25h")).toBeGreaterThan(texts.out.lastIndexOf("\u001b[?25l"));
  });

  it("has colours, unless NO_COLOR or TERM=dumb say otherwise", () => {
    const coloured = (environment: NodeJS.ProcessEnv) => {
      const { terminal } = capture({ isTTY: true, environment });
      return terminal.paint("green", "x") !== "x";
    };
    expect([coloured({}), coloured({ NO_COLOR: "1" }), coloured({ TERM: "dumb" })]).toEqual([true, false, false]);
    expect(capture().terminal.paint("green", "x")).toBe("x");
  });
});

describe("for programs", () => {
  it("prints every event as one line of JSON", () => {
    const { terminal, texts } = capture({ isTTY: true });
    for (const event of events) jsonReporter(terminal).report(event);
    const lines = texts.out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(events);
  });
});

describe("numbers", () => {
  it("read well", () => {
    expect([formatCount(1234567.4), formatShare(0.98714), formatShare(1)]).toEqual([
      "1,234,567",
      "98.71 %",
      "100.00 %",
    ]);
    expect([0, 8.4, 61, 3723, -1].map(formatTime)).toEqual(["0:00", "0:08", "1:01", "1:02:03", "0:00"]);
  });
});
