/**
 * The page: puts together run, charts and drawing area, and shows what they tell. Whatever is computed is elsewhere.
 */
import { currentDevice, describeDevices, describeError, useDevice } from "fovea";
import { type Axis, Chart, colour } from "./chart.js";
import { type Digits, loadDigits } from "./digits.js";
import { Pad, paintDigit } from "./pad.js";
import { SIDE, toDigit } from "./preprocess.js";
import { EPOCHS, type Phase, type Point, Run } from "./run.js";

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element ${id}`);
  return found as T;
}

const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const status: Readonly<Record<Phase, string>> = {
  ready: "Ready",
  compiling: "Compiling…",
  training: "Training",
  paused: "Paused",
  finished: "Finished",
  stopped: "Stopped",
  failed: "Failed",
};
const action: Readonly<Record<Phase, string>> = {
  ready: "Train",
  compiling: "Train",
  training: "Pause",
  paused: "Go on",
  finished: "Train",
  stopped: "Train",
  failed: "Train",
};

const trainButton = element<HTMLButtonElement>("train");
const resetButton = element<HTMLButtonElement>("reset");
const sampleButton = element<HTMLButtonElement>("sample");
const seen = element<HTMLCanvasElement>("seen");
const bars = element("bars");

let digits: Digits | undefined;
let run: Run | undefined;
let charts: { readonly loss: Chart; readonly accuracy: Chart } | undefined;
/** The label of the test digit that is shown. */
let label: number | undefined;

function fail(error: unknown): void {
  const alert = element("alert");
  alert.textContent = describeError(error);
  alert.hidden = false;
}

/** The mean of the last values with weights that fade, so that the curve of single batches can be read. */
function smooth(points: readonly Point[]): Point[] {
  let mean = points[0]?.[1] ?? 0;
  return points.map(([step, value], i) => {
    mean += (value - mean) / Math.min(i + 1, 20);
    return [step, mean];
  });
}

function makeCharts(steps: number): { readonly loss: Chart; readonly accuracy: Chart } {
  const epochs: Axis = {
    min: 0,
    max: steps,
    ticks: [0, 2, 4, 6, 8, 10].map((epoch) => (epoch * steps) / EPOCHS),
    format: (step) => (step === 0 ? "epoch 0" : String(Math.round((step * EPOCHS) / steps))),
  };
  const loss: Axis = {
    min: 0.01,
    max: 3,
    ticks: [0.01, 0.03, 0.1, 0.3, 1, 3],
    format: String,
    transform: Math.log,
  };
  // By the logarithm of the error, so that the way from 95 to 99 % is as long as the one from 75 to 95.
  const accuracy: Axis = {
    min: 0,
    max: 0.9925,
    ticks: [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99],
    format: (share) => `${Math.round(100 * share)} %`,
    transform: (share) => -Math.log(1 - share),
  };
  return {
    loss: new Chart(element<HTMLCanvasElement>("loss-chart"), epochs, loss),
    accuracy: new Chart(element<HTMLCanvasElement>("accuracy-chart"), epochs, accuracy),
  };
}

function timeLeft(seconds: number): string {
  const rounded = Math.round(seconds);
  return `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, "0")} left`;
}

function showRun(): void {
  if (!run || !charts) return;
  const { phase, step, steps, losses, accuracies, imagesPerSecond, secondsLeft, epoch } = run;
  element("status").textContent = status[phase];
  trainButton.textContent = action[phase];
  trainButton.disabled = phase === "compiling" || phase === "finished" || phase === "failed";
  resetButton.disabled = phase === "ready" || phase === "compiling";
  element<HTMLProgressElement>("progress").value = step / steps;
  element("epoch").textContent = step === 0 ? `${EPOCHS} epochs` : `Epoch ${epoch} of ${EPOCHS}`;
  element("left").textContent = phase === "training" && secondsLeft > 0 ? timeLeft(secondsLeft) : "";
  const smoothed = smooth(losses);
  const loss = smoothed.at(-1)?.[1];
  const accuracy = accuracies.at(-1)?.[1];
  element("loss").textContent = loss === undefined ? "–" : loss.toFixed(3);
  element("accuracy").textContent = accuracy === undefined ? "–" : percent(accuracy, 2);
  element("speed").textContent = imagesPerSecond > 0 ? whole.format(imagesPerSecond) : "–";
  charts.loss.show({ faint: losses, strong: smoothed });
  charts.accuracy.show({ strong: accuracies });
  element("loss-chart").ariaLabel = `Training loss: ${loss?.toFixed(3) ?? "nothing yet"}`;
  element("accuracy-chart").ariaLabel = `Test accuracy: ${accuracy === undefined ? "nothing yet" : percent(accuracy)}`;
  if (phase === "failed") fail(run.error);
}

/** At most once per frame, however fast the steps come. */
function perFrame(work: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

function showAnswer(probabilities: ArrayLike<number> | undefined): void {
  const all = Array.from(bars.children as HTMLCollectionOf<HTMLElement>);
  const best = probabilities ? Array.from(probabilities).indexOf(Math.max(...Array.from(probabilities))) : -1;
  for (const [digit, item] of all.entries()) {
    const share = probabilities?.[digit] ?? 0;
    item.classList.toggle("best", digit === best);
    item.style.setProperty("--share", String(share));
    item.children[2].textContent = probabilities ? percent(share, 0) : "–";
  }
  const answer = element("answer");
  answer.textContent = best < 0 ? "–" : String(best);
  answer.classList.toggle("none", best < 0);
  element("answer-note").textContent = noteOn(best);
}

function noteOn(best: number): string {
  if (best < 0) return "Draw with mouse, finger or pen.";
  if (label !== undefined) return best === label ? "a test digit, recognised" : `a test digit; its label is ${label}`;
  return run && run.step > 0 ? "as trained so far" : "untrained: a guess";
}

let asked = 0;

/** Classifies what is drawn; an answer that comes late is dropped. */
async function classify(): Promise<void> {
  const request = ++asked;
  const pixels = pad.image ?? toDigit(pad.read());
  element("pad-hint").hidden = !pad.empty;
  const context = seen.getContext("2d");
  context?.clearRect(0, 0, SIDE, SIDE);
  if (context && pixels) paintDigit(context, pixels, colour("--ink"), SIDE);
  const probabilities = pixels && run ? await run.classify(pixels) : undefined;
  if (request === asked) showAnswer(probabilities);
}

const classifySoon = perFrame(() => void classify().catch(fail));
const pad = new Pad(element("pad"), element<HTMLCanvasElement>("drawing"), () => {
  if (!pad.image) label = undefined;
  classifySoon();
});

function newRun(from: Digits): Run {
  let tests = 0;
  const show = perFrame(showRun);
  const made: Run = new Run(from, () => {
    if (made !== run) return;
    show();
    if (made.accuracies.length === tests) return;
    tests = made.accuracies.length;
    if (!pad.empty) classifySoon(); // the same drawing, seen by better weights
  });
  return made;
}

function restart(): void {
  if (!digits) return;
  run?.stop();
  run = newRun(digits);
  showRun();
  classifySoon();
}

function showSample(): void {
  if (!digits) return;
  const { test } = digits;
  const index = Math.floor(Math.random() * test.length);
  label = test.labels[index];
  pad.show(Uint8Array.from(test.images.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE)));
}

const deviceNames: Readonly<Record<string, string>> = {
  wasm: "WebAssembly",
  interp: "Interpreter in JavaScript (a reference, slow)",
};

async function showDevice(): Promise<void> {
  const { name } = await currentDevice();
  const { threads, memory, simd } = (await describeDevices()).find((one) => one.name === name)?.details ?? {};
  const parts = [
    deviceNames[name] ?? name,
    threads && `${threads} ${threads === "1" ? "thread" : "threads"}`,
    memory && `memory ${memory}`,
    simd,
  ];
  element("device").textContent = parts.filter((part) => part).join(" · ");
  if (crossOriginIsolated) return;
  const note = element("device-note");
  note.textContent =
    `On one of ${navigator.hardwareConcurrency} cores, because the page is not cross-origin isolated: serve it with the ` +
    "headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp to use them all.";
  note.hidden = false;
}

for (let digit = 0; digit < 10; digit++) {
  const item = document.createElement("li");
  for (const name of ["digit", "bar", "value"]) {
    const part = document.createElement("span");
    part.className = name;
    item.append(part);
  }
  item.children[0].textContent = String(digit);
  bars.append(item);
}
showAnswer(undefined);

trainButton.addEventListener("click", () => (run?.phase === "training" ? run.pause() : run?.start()));
resetButton.addEventListener("click", restart);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", classifySoon); // paints in the new ink
sampleButton.addEventListener("click", showSample);
element("clear").addEventListener("click", () => pad.clear());

try {
  const wanted = new URLSearchParams(location.search).get("device");
  if (wanted) await useDevice(wanted);
  await showDevice();
  digits = await loadDigits();
  run = newRun(digits);
  charts = makeCharts(run.steps);
  sampleButton.disabled = false;
  showRun();
  if (!pad.empty) classifySoon();
} catch (error) {
  element("status").textContent = "Failed";
  fail(error);
}
