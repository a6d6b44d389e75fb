/**
 * Repeats the passes of models.py: the same weights and inputs, outputs of the stages in both modes, gradients, and
 * running statistics. It knows the format of references/models.json; which device runs is the caller's business.
 */
import { expect } from "vitest";
import { z } from "zod";
import { uniform } from "../../bench/pattern.js";
import { compile, Parameter, type Tensor, tensor, type Variable } from "../../src/index.js";
import type { Module } from "../../src/nn/index.js";
import { createModel, InvertedResidual } from "../../src/vision/index.js";
import { readReferences } from "./reference.js";

const kinds = ["train outputs", "train gradients", "train buffers", "eval outputs"] as const;
type Kind = (typeof kinds)[number];
const signature = z.tuple([z.number(), z.number()]);
const referenceSchema = z.object({
  name: z.string(),
  block: z.tuple([z.number(), z.number(), z.number()]).optional(),
  expandRatio: z.number().optional(),
  model: z
    .enum(["resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet18", "resnet34", "resnet50"])
    .optional(),
  stem: z.enum(["cifar", "imagenet"]).optional(),
  part: z.array(z.union([z.string(), z.number()])).default([]),
  input: z.array(z.number()),
  /** Whether it is small enough for the interpreter. */
  small: z.boolean().default(false),
  /** Whether it is compared in float64 alone. */
  exact: z.boolean().default(false),
  data: z.number(),
  tolerance: z.record(z.enum(kinds), z.number()),
  tensors: z.record(z.enum(kinds), z.record(z.string(), signature)),
});

export type ModelReference = z.infer<typeof referenceSchema>;

export const modelReferences = z.object({ cases: z.array(referenceSchema) }).parse(readReferences("models")).cases;

const STAGES = ["bn1", "layer1", "layer2", "layer3", "layer4"];
const GRADIENT = 2;
const PROBE = 3;

function build({ block, expandRatio, model, stem, part, input }: ModelReference): Module {
  if (block) return new InvertedResidual(block[0], block[1], { stride: block[2], expandRatio });
  const whole = createModel(model ?? "resnet20", { classes: 10, size: [input[2], input[3]], stem });
  return part.reduce<Module>((module, name) => module[name as keyof Module] as unknown as Module, whole);
}

/** The values of `fill` in models.py. */
function fill(module: Module): void {
  for (const [index, [key, variable]] of Object.entries(module.stateDict()).entries()) {
    if (!key.endsWith("num_batches_tracked")) variable.load(initial(key, variable, 10 + index));
  }
}

function initial(key: string, { shape, size }: Variable, stream: number): Float32Array {
  if (shape.length > 1) {
    const bound = Math.sqrt((shape.length === 4 ? 6 : 1) / (size / shape[0]));
    return uniform(shape, stream, -bound, bound);
  }
  if (key.endsWith("running_var")) return uniform(shape, stream, 0.5, 1.5);
  if (key.endsWith("weight")) return uniform(shape, stream, 0.2, 0.4);
  const values = uniform(shape, stream, -0.25, 0.25);
  return key.endsWith(".bias") && !key.startsWith("fc") ? values.map((v) => v + 0.5 * Math.sign(v)) : values;
}

/** Keeps what the stages return while `run` runs. */
function watchStages(module: Module, whole: boolean, run: () => Tensor): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  const stages = whole ? module.namedModules().filter(([path]) => STAGES.includes(path)) : [];
  for (const [path, stage] of stages as [string, Module][]) {
    stage.forward = (x) => {
      outputs[path] = Object.getPrototypeOf(stage).forward.call(stage, x);
      return outputs[path];
    };
  }
  outputs.y = run();
  for (const [, stage] of stages) Reflect.deleteProperty(stage, "forward");
  return outputs;
}

function detached(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, x.detach()]));
}

const MODES = ["train", "eval"] as const;

/** Repeats the passes of both modes. */
export async function expectModel(reference: ModelReference): Promise<void> {
  const module = build(reference);
  const whole = reference.model !== undefined && reference.part.length === 0;
  const x = new Parameter(tensor(uniform(reference.input, reference.data), { shape: reference.input }));
  const pass = compile((mode: (typeof MODES)[number]) => {
    module.train(mode === "train");
    const outputs = watchStages(module, whole, () => module(x));
    const { shape } = outputs.y;
    if (mode === "eval") return { "eval outputs": detached(outputs) };
    outputs.y
      .mul(tensor(uniform(shape, GRADIENT), { shape }))
      .sum()
      .backward();
    const named: [string, Tensor][] = [["x", x], ...module.namedParameters()];
    const gradients = named.map(([key, { grad }]): [string, Tensor] => [key, grad as Tensor]);
    const buffers = module.namedBuffers().filter(([, { dtype }]) => dtype === "f32");
    return {
      "train outputs": detached(outputs),
      "train gradients": Object.fromEntries(gradients),
      "train buffers": detached(Object.fromEntries(buffers)),
    };
  });
  for (const mode of MODES) {
    fill(module);
    const results: Partial<Record<Kind, Record<string, Tensor>>> = await pass(mode);
    for (const [kind, tensors] of Object.entries(results)) await expectKind(reference, kind as Kind, tensors);
  }
}

async function expectKind(
  { tensors: all, tolerance }: ModelReference,
  kind: Kind,
  tensors: Readonly<Record<string, Tensor>>,
): Promise<void> {
  expect(Object.keys(tensors).sort(), kind).toEqual(Object.keys(all[kind]).sort());
  for (const [name, [norm, product]] of Object.entries(all[kind])) {
    const values = await tensors[name].data();
    const probe = uniform(tensors[name].shape, PROBE);
    let [squares, products] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      squares += values[i] ** 2;
      products += values[i] * probe[i];
    }
    const errors = [Math.abs(Math.sqrt(squares) - norm) / norm, Math.abs(products - product) / norm];
    const what = `${kind}, ${name}: norm ${Math.sqrt(squares)}, PyTorch has ${norm}; product ${products}, not ${product}`;
    expect(Math.max(...errors), what).toBeLessThanOrEqual(tolerance[kind]);
  }
}
