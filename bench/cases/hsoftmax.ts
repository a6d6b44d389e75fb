/**
 * `hsoftmax`: hierarchical softmax over 1,000 to 100,000 classes. The loss and the gradient of its input read the nodes on
 * the paths of the targets only and must grow like log K; the gradient of the weights is a dense tensor, and the update of
 * all of them is linear in K, so both are measured apart. Beside them the same of a softmax over all classes.
 */
import { type BenchOptions, openOurs, ourContestant } from "../ours.js";
import { type Report, round } from "../report.js";
import { alternate } from "../rounds.js";

const CLASSES = [1_000, 10_000, 100_000];
const BATCH = 128;
const FEATURES = 64;
const RATE = 0.1;

/** Benchmarks hierarchical softmax; it has no peer. */
export async function hsoftmaxBench(options: BenchOptions): Promise<Report> {
  const { fovea, nn, optim } = await openOurs(options);
  const x = new fovea.Generator(1, { stream: "x" }).normal([BATCH, FEATURES]);
  await fovea.realize(x);
  const sizes = CLASSES.map((classes) => {
    const targets = Int32Array.from({ length: BATCH }, (_, i) => (i * 7919) % classes);
    const labels = fovea.tensor(targets);
    const head = new nn.HierarchicalSoftmax(FEATURES, classes);
    const full = new nn.Linear(FEATURES, classes);
    const loss = {
      tree: (input: typeof x) => head(input, labels),
      full: (input: typeof x) => nn.functional.crossEntropy(full(input), labels),
    };
    const optimizer = {
      tree: new optim.SGD(head.parameters(), { lr: RATE }),
      full: new optim.SGD(full.parameters(), { lr: RATE }),
    };
    const inputGradient = (side: "tree" | "full") =>
      fovea.compile((input: typeof x) => {
        const mean = loss[side](input);
        return [mean, ...fovea.grad(mean, [input])];
      });
    const step = (side: "tree" | "full") =>
      fovea.compile((input: typeof x) => {
        const mean = loss[side](input);
        mean.backward();
        optimizer[side].step();
        optimizer[side].zeroGrad();
        return mean.detach();
      });
    return {
      classes,
      depth: head.nodes.shape[1],
      contestants: {
        paths: ourContestant(`paths ${classes}`, bind(inputGradient("tree"), x)),
        step: ourContestant(`step ${classes}`, bind(step("tree"), x)),
        fullLoss: ourContestant(`full loss ${classes}`, bind(inputGradient("full"), x)),
        fullStep: ourContestant(`full step ${classes}`, bind(step("full"), x)),
      },
    };
  });
  const contestants = sizes.flatMap((size) => Object.values(size.contestants));
  const { medianMs, notes } = await alternate(contestants, { rounds: options.quick ? 3 : 12, turnMs: 200 });
  const rows = sizes.map(({ classes, depth, contestants: c }) => {
    const ms = (name: keyof typeof c) => medianMs.get(c[name].name) ?? Number.NaN;
    const [pathsMs, stepMs, fullLossMs, fullStepMs] = [ms("paths"), ms("step"), ms("fullLoss"), ms("fullStep")].map(
      (value) => round(value),
    );
    return { classes, depth, pathsMs, stepMs, fullLossMs, fullStepMs };
  });
  const [first, last] = [rows[0], rows[rows.length - 1]];
  return {
    bench: "hsoftmax",
    ours: {
      batch: BATCH,
      features: FEATURES,
      rows,
      growth: round(last.pathsMs / first.pathsMs),
      depthGrowth: round(last.depth / first.depth),
    },
    peers: {},
    speedup: {},
    table: [
      [
        "classes",
        "depth",
        "loss and input gradient, ms",
        "whole step, ms",
        "the same of a softmax, ms",
        "its step, ms",
      ],
      ...rows.map((row) => [
        `${row.classes}`,
        `${row.depth}`,
        row.pathsMs.toFixed(3),
        row.stepMs.toFixed(3),
        row.fullLossMs.toFixed(3),
        row.fullStepMs.toFixed(3),
      ]),
    ],
    notes: [
      ...notes,
      "a whole step also computes the dense gradient of all weights and updates them, which is linear in K",
    ],
  };
}

/** A call without arguments, as contestants are. */
const bind =
  <X, Y>(call: (input: X) => Promise<Y>, input: X): (() => Promise<Y>) =>
  () =>
    call(input);
