/**
 * Shows the events of a training run: a progress bar on a terminal, a line per epoch elsewhere, one JSON object per
 * line for programs. It must not know how training works.
 */
import { type Options, SingleBar } from "cli-progress";
import type { DoneEvent, EpochEvent, Position, RunConfig, StartEvent, StepEvent, TrainEvent } from "../train/index.js";
import { formatCount, formatShare, formatTime, type Terminal } from "./terminal.js";

/** A receiver of a run's events that shows them. */
export interface Reporter {
  /** Shows one event; called for every event of the run. */
  report(event: TrainEvent): void;
  /** Restores the terminal, also if the run failed. */
  close(): void;
}

/** Reporter for programs: prints each event as one line of JSON. */
export function jsonReporter(terminal: Terminal): Reporter {
  return { report: (event) => terminal.printJson(event), close: () => undefined };
}

/** Reporter for people, before the run: the progress of decoding, redrawn on a terminal. */
export function decodeReporter(terminal: Terminal): Reporter {
  const clear = "\r\u001b[K";
  let drawn = false;
  const report = (event: TrainEvent) => {
    if (event.event !== "decode") return;
    const { done, total, seconds } = event;
    const rate = `${formatCount(done / Math.max(seconds, 1e-3))} images/s`;
    if (done === total) {
      if (drawn) terminal.out.write(clear);
      drawn = false;
      terminal.print(`decoded ${formatCount(total)} images in ${seconds.toFixed(1)} s (${rate}), kept for later runs`);
    } else if (terminal.isInteractive) {
      terminal.out.write(`${clear}decoding ${formatCount(done)} of ${formatCount(total)} images  ${rate}`);
      drawn = true;
    }
  };
  const close = () => {
    if (drawn) terminal.out.write(clear);
  };
  return { report, close };
}

/** Reporter for people: a header, a progress bar or lines per epoch, and a summary. */
export function humanReporter(terminal: Terminal, config: RunConfig): Reporter {
  const bar = terminal.isInteractive ? new EpochBar(terminal) : undefined;
  let start: StartEvent | undefined;
  const report = (event: TrainEvent) => {
    switch (event.event) {
      case "start":
        start = event;
        printHeader(terminal, config, event);
        if (event.from) printFrom(terminal, event.from, event.epochs);
        if (event.from?.epoch !== event.epochs) bar?.begin((event.from?.epoch ?? 0) + 1, event, "compiling kernels");
        break;
      case "step":
        bar?.update(event);
        break;
      case "epoch":
        if (bar && start) bar.end(event, start);
        else if (start) terminal.print(epochLine(event, start.epochs));
        break;
      case "warning":
        bar?.clear();
        terminal.print(`${terminal.paint("yellow", "warning:")} ${event.message}`);
        break;
      case "decode":
      case "checkpoint":
        break;
      case "done":
        bar?.clear();
        printSummary(terminal, config, event);
        break;
    }
  };
  return { report, close: () => bar?.clear() };
}

function printHeader(
  terminal: Terminal,
  config: RunConfig,
  { parameters, trainSamples, testSamples }: StartEvent,
): void {
  const { data, model, device, seed, batch, input } = config;
  const title = terminal.paint("bold", `${data.name} · ${model}`);
  terminal.print(`${title} · ${formatCount(parameters)} parameters · ${device} · batch ${batch} · seed ${seed}`);
  terminal.print(`${formatCount(trainSamples)} images for training, ${formatCount(testSamples)} for the test`);
  if (!data.folder) return;
  const { skipped, ignored } = data.folder;
  const [channels, height, width] = input.shape;
  const left = [
    ...(skipped > 0 ? [`${formatCount(skipped)} damaged ${skipped === 1 ? "file" : "files"} skipped`] : []),
    ...(ignored > 0 ? [`${formatCount(ignored)} other ${ignored === 1 ? "file" : "files"} ignored`] : []),
  ].map((part) => `, ${part}`);
  const classes = `${formatCount(input.classes.length)} ${input.classes.length === 1 ? "class" : "classes"}`;
  terminal.print(`${width} x ${height} ${channels === 1 ? "grey" : "RGB"}, ${classes}${left.join("")}`);
}

function printFrom(terminal: Terminal, { epoch, step }: Position, epochs: number): void {
  const rest = epoch === epochs ? "only the test is left" : `in epoch ${epoch + 1}`;
  terminal.print(`resuming after ${formatCount(step)} ${step === 1 ? "step" : "steps"}, ${rest}`);
}

function measures({ loss, accuracy }: { readonly loss: number; readonly accuracy: number }): string {
  return `loss ${loss.toFixed(4)}  accuracy ${formatShare(accuracy).padStart(8)}`;
}

function epochLine(event: EpochEvent, epochs: number): string {
  const { epoch, validation } = event;
  const validated = validation ? `  validation ${formatShare(validation.accuracy)}` : "";
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}  ${measures(event)}${validated}  ${pace(event)}`;
}

function pace({ imagesPerSecond, waiting, secondsLeft }: StepEvent | EpochEvent): string {
  return `${formatCount(imagesPerSecond)} images/s  waiting ${Math.round(waiting * 100)} %  ${formatTime(secondsLeft)} left`;
}

function printSummary(terminal: Terminal, config: RunConfig, done: DoneEvent): void {
  const { testAccuracy, trainSeconds, run, stopped, epochs } = done;
  const row = (name: string, value: string) => terminal.print(`${name.padEnd(14)} ${value}`);
  terminal.print();
  if (stopped === "interrupted") row("stopped", `after ${epochs} of ${config.epochs} epochs, as requested`);
  if (testAccuracy !== undefined) row("test accuracy", terminal.paint("green", formatShare(testAccuracy)));
  row("training time", `${trainSeconds.toFixed(1)} s`);
  if (run === undefined) return;
  row("saved in", run);
  if (stopped === "interrupted") {
    row("to resume", terminal.paint("cyan", `npx fovea train --resume ${quoted(run)}`));
    return;
  }
  terminal.print();
  terminal.print("What to try next:");
  for (const [command, meaning] of suggestions(run, config)) {
    terminal.print(`  ${terminal.paint("cyan", command)}  ${terminal.paint("dim", meaning)}`);
  }
}

function suggestions(run: string, { data, model }: RunConfig): readonly [command: string, meaning: string][] {
  const other = model === "cnn" ? "lenet" : "cnn";
  const rows: [string, string][] = [
    [`npx fovea predict ${quoted(run)} image.png`, "the class of an image of your own"],
    [`npx fovea evaluate ${quoted(run)} ${quoted(data.name)}`, "the test again, from the files"],
    [`npx fovea train ${quoted(data.name)} --model ${other}`, "another model"],
  ];
  const width = Math.max(...rows.map(([command]) => command.length));
  return rows.map(([command, meaning]) => [command.padEnd(width), meaning]);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** One bar per epoch; when the epoch ends, its line replaces the bar. */
class EpochBar {
  readonly #terminal: Terminal;
  #bar: SingleBar | undefined;
  #stepsBefore = 0;
  /** Sums over the epoch so far. */
  #seen = { steps: 0, loss: 0, accuracy: 0 };

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  begin(epoch: number, { epochs, stepsPerEpoch }: StartEvent, text = ""): void {
    this.#stepsBefore = (epoch - 1) * stepsPerEpoch;
    this.#seen = { steps: 0, loss: 0, accuracy: 0 };
    const label = `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
    const format: Options["format"] = (_, { progress }, { text }: { text: string }) => {
      const room = (this.#terminal.out.columns ?? 80) - label.length - text.length - 5;
      const width = Math.max(0, Math.min(28, room));
      const done = Math.round(progress * width);
      const drawn = `${this.#terminal.paint("green", "━".repeat(done))}${this.#terminal.paint("dim", "━".repeat(width - done))}`;
      return `${label}  ${drawn}  ${text}`;
    };
    const stream = this.#terminal.out as NodeJS.WriteStream;
    this.#bar = new SingleBar({ format, stream, hideCursor: true, clearOnComplete: true, gracefulExit: false });
    this.#bar.start(stepsPerEpoch, 0, { text });
  }

  update(event: StepEvent): void {
    const { step, loss, accuracy } = event;
    const seen = this.#seen;
    seen.steps++;
    seen.loss += loss;
    seen.accuracy += accuracy;
    const means = measures({ loss: seen.loss / seen.steps, accuracy: seen.accuracy / seen.steps });
    this.#bar?.update(step - this.#stepsBefore, { text: `${means}  ${pace(event)}` });
  }

  end(event: EpochEvent, start: StartEvent): void {
    this.clear();
    this.#terminal.print(epochLine(event, start.epochs));
    if (event.epoch < start.epochs) this.begin(event.epoch + 1, start);
  }

  clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
