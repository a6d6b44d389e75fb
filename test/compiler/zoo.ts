/**
 * Programs of the models of the zoo for recorded targets, as a few characters per kernel: what shows that a change of
 * the compiler changes no kernel. Nothing is run. The update is written out here, so that a change of an optimizer is no
 * change of the compiler.
 */
import { createHash } from "node:crypto";
import type { Index, LoopVar } from "../../src/ir/index-math.js";
import { guardKey } from "../../src/ir/index-math.js";
import type { Expr, Kernel, Stmt } from "../../src/ir/loops.js";
import type { Program } from "../../src/ir/program.js";
import type { Target } from "../../src/ir/target.js";
import { AdaptiveAvgPool2d, Flatten, functional, type Module, Sequential } from "../../src/nn/index.js";
import {
  compile,
  realize,
  registerDevice,
  type Tensor,
  tensor,
  useDevice,
  Variable,
  zeros,
} from "../../src/tensor/index.js";
import { createModel, InvertedResidual, type ModelName } from "../../src/vision/index.js";
import { recordedTargets } from "../support/targets.js";
import { RecordingDevice } from "./recorder.js";

interface Zoo {
  readonly name: string;
  readonly build: () => Module;
  /** The shape of a batch. */
  readonly batch: readonly number[];
  /** A step of training by this rule, or a pass in evaluation. */
  readonly work: "sgd" | "adam" | "infer";
  readonly targets: readonly string[];
}

const every = recordedTargets.map(({ name }) => name);
/** One of each width, with the back end that hoists loads. */
const few = ["avx512, L1 48 KiB, L2 2 MiB", "avx2, L2 512 KiB", "wasm"];
const two = ["avx512, L1 32 KiB, L2 1 MiB", "avx2, L2 512 KiB"];

const model =
  (name: ModelName, inChannels: number, size: number, classes = 10) =>
  (): Module =>
    createModel(name, { classes, inChannels, size });

/** The programs that are recorded: small ones on every target, whole networks on a few. */
export const zoo: readonly Zoo[] = [
  { name: "mlp", build: model("mlp", 1, 28), batch: [128, 1, 28, 28], work: "sgd", targets: every },
  { name: "cnn", build: model("cnn", 1, 28), batch: [128, 1, 28, 28], work: "adam", targets: every },
  { name: "lenet", build: model("lenet", 1, 28), batch: [7, 1, 28, 28], work: "sgd", targets: every },
  {
    name: "depthwise",
    build: () => new Sequential(new InvertedResidual(32, 32), new AdaptiveAvgPool2d(1), new Flatten()),
    batch: [4, 32, 17, 17],
    work: "sgd",
    targets: every,
  },
  { name: "resnet20", build: model("resnet20", 3, 32), batch: [128, 3, 32, 32], work: "sgd", targets: few },
  { name: "speednet", build: model("speednet", 3, 32), batch: [64, 3, 32, 32], work: "sgd", targets: two },
  { name: "resnet18", build: model("resnet18", 3, 224), batch: [1, 3, 224, 224], work: "infer", targets: few },
  { name: "resnet18 cifar", build: model("resnet18", 3, 32), batch: [64, 3, 32, 32], work: "sgd", targets: two },
  { name: "resnet50", build: model("resnet50", 3, 224, 1000), batch: [8, 3, 224, 224], work: "infer", targets: two },
];

/** The text of an index variable. */
const variableText = ({ name, extent }: LoopVar): string => `${name}:${extent}`;
const indexText = ({ key, low, high }: Index): string => `${key}[${low},${high}]`;
/** Keys of expressions are made of their operands' keys, so that what is shared is spelled once. */
const exprText = ({ key, type, lanes }: Expr): string => `${key}/${type}x${lanes}`;

function statementText(s: Stmt): string {
  switch (s.kind) {
    case "for":
      return `for ${variableText(s.variable)} {${bodyText(s.body)}}`;
    case "if":
      return `if ${guardKey(s.guard)} {${bodyText(s.body)}}`;
    case "let":
      return `let ${variableText(s.variable)} ${indexText(s.index)} {${bodyText(s.body)}}`;
    case "indirect":
      return `indirect ${variableText(s.variable)} ${exprText(s.value)} {${bodyText(s.body)}}`;
    case "declare":
      return `declare ${s.name} ${exprText(s.init)} ${s.barrier === true}`;
    case "set":
      return `set ${s.name} ${exprText(s.value)}`;
    case "store":
      return `store ${s.buffer} ${s.memory} ${indexText(s.index)} ${s.stride} ${exprText(s.value)} ${guardKey(s.guard)}`;
    case "prefetch":
      return `prefetch ${s.buffer} ${indexText(s.index)}`;
  }
}
const bodyText = (body: readonly Stmt[]): string => body.map(statementText).join(";");

const digest = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 6);

/** A short hash of what a kernel does, whatever it is called. */
function hashOf({ buffers, scratch, parts }: Kernel): string {
  const memory = JSON.stringify([buffers, scratch]);
  return digest([memory, ...parts.map(({ tasks, body }) => `${tasks}: ${bodyText(body)}`)].join("\n"));
}

/** The kernels of a program in the order in which they run, and how its steps use memory. */
export interface Recording {
  readonly kernels: readonly { readonly label: string; readonly hash: string }[];
  readonly steps: string;
}

function recordingOf(program: Program): Recording {
  const whole = [program, ...(program.derived ? [program.derived] : [])];
  const kernels = whole.flatMap((one) => {
    const made = one.kernels.map((kernel) => ({ label: kernel.label, hash: hashOf(kernel) }));
    return one.steps.map(({ kernel }) => made[kernel]);
  });
  const steps = whole.map(({ steps, arenaBytes, inPlace }) => ({
    steps: steps.map(({ slots, waits }, kernel) => ({ kernel, slots, waits })),
    arenaBytes,
    inPlace,
  }));
  return { kernels, steps: digest(JSON.stringify(steps)) };
}

type Update = (parameter: Variable) => void;

/** Updates with moments of their own; the rate is a variable, as it is for optimizers. */
function updates(work: "sgd" | "adam", parameters: readonly Variable[]): Update {
  const rate = new Variable(tensor(0.1));
  const momentsOf = new Map(parameters.map((p) => [p, [0, 1].map(() => new Variable(zeros(p.shape)))]));
  return (p) => {
    const [first, second] = momentsOf.get(p) ?? [];
    const { grad } = p as Variable & { grad: Tensor };
    const weighted = grad.add(p.mul(1e-4));
    if (work === "sgd") {
      first.assign(first.mul(0.9).add(weighted));
      p.assign(p.sub(first.mul(rate)));
    } else {
      first.assign(first.mul(0.9).add(weighted.mul(0.1)));
      second.assign(second.mul(0.99).add(weighted.square().mul(0.01)));
      p.assign(p.sub(first.mul(rate).div(second.sqrt().add(1e-8))));
    }
  };
}

/** Compiles one entry for its targets; devices are named by target. */
export async function recordZoo({ build, batch, work, targets }: Zoo): Promise<Map<string, Recording>> {
  const found = new Map<string, Recording>();
  const chosen = recordedTargets.filter(({ name }) => targets.includes(name));
  await useRecorder(chosen[0]);
  const network = build();
  const parameters = network.parameters();
  if (work === "infer") network.eval();
  const update = updates(work === "adam" ? "adam" : "sgd", parameters);
  const [x, labels] = [zeros(batch), tensor(new Int32Array(batch[0]))];
  await realize(x, labels, ...parameters);
  const run = compile((input: Tensor, classes: Tensor) => {
    const y = network(input);
    if (work === "infer") return y;
    const loss = functional.crossEntropy(y, classes);
    for (const parameter of parameters) parameter.grad = null;
    loss.backward();
    for (const parameter of parameters) update(parameter);
    return loss;
  });
  for (const target of chosen) {
    const device = await useRecorder(target);
    const before = device.programs.length;
    await run(x, labels);
    // Initial values are programs too; the step is the one of most steps.
    const made = device.programs.slice(before);
    const program = made.reduce((a, b) => (b.steps.length > a.steps.length ? b : a));
    found.set(target.name, recordingOf(program));
  }
  return found;
}

const devices = new Map<string, RecordingDevice>();

async function useRecorder(target: Target): Promise<RecordingDevice> {
  const device = devices.get(target.name) ?? new RecordingDevice(target);
  devices.set(target.name, device);
  registerDevice(target.name, async () => device);
  await useDevice(target.name);
  return device;
}
