/**
 * Every layer of the registry against PyTorch: state-dict keys and order, forward and gradients in training, running
 * statistics, and evaluation. One without a case fails here, and so does one that is exported but not registered.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Tensor, useDevice } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { devices } from "../support/devices.js";
import {
  build,
  type Check,
  call,
  expectAllClose,
  families,
  type LayerCase,
  type LayerReference,
  readReference,
  toTensor,
} from "./references.js";

const cases = families.flatMap((family) => readReference<LayerCase[]>(`layers/${family}.cases.json`));
const references = families.flatMap((family) => readReference<LayerReference[]>(`layers/${family}.reference.json`));
/** Those of losses are compared in losses.test.ts and hierarchical-softmax.test.ts. */
const ofLosses = new Set<unknown>([...nn.losses.entries, ...nn.distances.entries].map(({ layer }) => layer));
ofLosses.add(nn.HierarchicalSoftmax);
const classes = Object.entries(nn).flatMap(([name, value]) =>
  typeof value === "function" && value.prototype instanceof nn.Module && !ofLosses.has(value) ? [name] : [],
);

describe("the cases", () => {
  it.each(classes)("include %s", (name) => {
    expect(cases.map(({ layer }) => layer)).toContain(name);
  });

  it("are of registered layers, by the names of their classes", () => {
    expect([...nn.layers.names, "Sequential"].sort()).toEqual([...classes].sort());
    for (const layerCase of cases) expect(build(layerCase).constructor.name).toBe(layerCase.layer);
    for (const { layer } of nn.activations.entries) expect(nn.layers.get(layer.name)).toBe(layer);
  });

  it("have up-to-date references", () => {
    expect(references.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
  });
});

describe.each(devices)("on %s", (device) => {
  beforeAll(() => useDevice(device));

  // The first case of a layer runs on every device, the others on the interpreter: they differ in what is computed, and
  // the ops that compute it are swept on every device.
  const first = new Set(cases.filter(({ layer }, i) => cases.findIndex((each) => each.layer === layer) === i));
  const run = cases.flatMap((layerCase, index) =>
    device === "interp" || first.has(layerCase) ? [{ ...layerCase, reference: references[index] }] : [],
  );
  it.each(run.filter((one) => (one.device ?? device) === device))("$name", async ({ reference, ...layerCase }) => {
    const layer = build(layerCase);
    const shapes = Object.entries(layer.stateDict()).map(([key, { shape }]) => [key, shape]);
    expect(shapes).toEqual(Object.entries(reference.state).map(([key, { shape }]) => [key, shape]));
    expect(layer.namedBuffers().every(([, buffer]) => !buffer.requiresGrad)).toBe(true);
    expect(layer.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
    layer.loadStateDict(reference.state);

    if (reference.train) {
      const { inputs, named, output: y, others: more } = call(layer, layerCase, reference, true);
      const { output, others = {}, inputGradient, moreGradients = [], namedGradients = {} } = reference.train;
      const { gradients, buffers } = reference.train;
      const weighted = Object.entries(others).map(([name, { probe }]) => more[name].mul(toTensor(probe)).sum());
      weighted.reduce((sum, term) => sum.add(term), y.mul(toTensor(reference.train.probe)).sum()).backward();
      const parameters = layer.namedParameters();
      expect(parameters.map(([key]) => key)).toEqual(Object.keys(gradients));
      expect(layer.namedBuffers().map(([key]) => key)).toEqual(Object.keys(buffers));
      await expectAllClose([
        [y, output, "output in training"],
        ...Object.entries(others).map(([name, one]): Check => [more[name], one.output, `${name} in training`]),
        ...[inputGradient, ...moreGradients].flatMap((one, i): Check[] =>
          one ? [[inputs[i].grad!, one, `gradient of input ${i}`]] : [],
        ),
        ...Object.entries(namedGradients).map(([name, one]): Check => [named[name].grad!, one, `gradient of ${name}`]),
        ...parameters.map(([key, { grad }]): Check => [grad!, gradients[key], `gradient of ${key}`]),
        ...layer.namedBuffers().map(([key, buffer]): Check => [buffer, buffers[key], key]),
      ]);
    }
    const { output, others } = call(layer.eval(), layerCase, reference, false);
    const results: Readonly<Record<string, Tensor>> = { output, ...others };
    expect(Object.keys(results)).toEqual(Object.keys(reference.eval));
    await expectAllClose(Object.entries(reference.eval).map(([name, one]): Check => [results[name], one, name]));
  });
});

describe.each(cases)("$name", (layerCase) => {
  beforeAll(() => useDevice("interp"));

  it("is the same for the same seed", async () => {
    const made = [5, 5, 6].map((seed) => {
      nn.manualSeed(seed);
      return Object.values(build(layerCase).stateDict());
    });
    const [first, again, other] = await Promise.all(made.map((state) => Promise.all(state.map((cell) => cell.data()))));
    expect(again).toEqual(first);
    const random = layerCase.layer === "Linear" || layerCase.layer === "Conv2d";
    if (random) expect(other).not.toEqual(first);
  });

  it("gets its state back from what it saved", async () => {
    nn.manualSeed(1);
    const saved = await readState(build(layerCase));
    const layer = build(layerCase);
    layer.loadStateDict(saved);
    expect(await readState(layer)).toEqual(saved);
  });

  it("switches between training and evaluation", () => {
    const modules = build(layerCase)
      .namedModules()
      .map(([, module]) => module);
    expect(modules.every((module) => module.training)).toBe(true);
    modules[0].eval();
    expect(modules.some((module) => module.training)).toBe(false);
    modules[0].train();
    expect(modules.every((module) => module.training)).toBe(true);
  });
});

async function readState(layer: nn.Module) {
  const entries = Object.entries(layer.stateDict()).map(async ([key, cell]) => {
    return [key, { shape: cell.shape, data: await cell.data() }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
