/**
 * Every function, constructor and method of the public surface, found by looking, called with wrong arguments: each call
 * works or throws a FoveaError of one line. What is exported anew is called as soon as it is exported.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as data from "../../src/data/index.js";
import * as main from "../../src/index.js";
import * as io from "../../src/io/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optim/index.js";
import * as train from "../../src/train/index.js";
import { type Signature, signatures } from "../../src/util/arguments.js";
import { describeError, FoveaError } from "../../src/util/errors.js";
import * as vision from "../../src/vision/index.js";

type Call = (...args: unknown[]) => unknown;
type Class = abstract new (...args: never[]) => object;

/** Never called: what it does with wrong arguments is not the library's affair, or a call changes the process. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  describeError: "takes any value, by design",
  checkOptions: "takes any value, and says what is wrong with it by a schema",
};

const entries = {
  main,
  linalg: main.linalg,
  nn,
  "nn.functional": nn.functional,
  "nn.init": nn.init,
  optim,
  data,
  io,
  vision,
  train,
};

const isClass = (value: unknown): value is Class =>
  typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));

interface Exported {
  readonly path: string;
  readonly name: string;
  readonly value: Class | Call;
}

const seen = new Set<unknown>();
const exported: Exported[] = Object.entries(entries).flatMap(([entry, module]) =>
  Object.entries(module as Record<string, unknown>).flatMap(([name, value]) => {
    if (typeof value !== "function" || seen.has(value) || name in LEFT_OUT) return [];
    seen.add(value);
    return [{ path: `${entry}.${name}`, name, value: value as Call }];
  }),
);
const functions = exported.filter(({ value }) => !isClass(value));
const classes = exported.filter(
  ({ value }) => isClass(value) && !(value.prototype instanceof FoveaError) && value !== (FoveaError as Class),
);

/** Values that no, or hardly any, parameter accepts. */
const wrongValues: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  "a string": () => "nonsense",
  "an unknown option": () => ({ nonsense: 1 }),
  "a promise": () => Promise.resolve(1),
  NaN: () => Number.NaN,
  "−1": () => -1,
  "1.5": () => 1.5,
  "a huge number": () => 2 ** 40,
  true: () => true,
  "an empty array": () => [],
  "an array of strings": () => ["nonsense"],
  "a scalar of i32": () => main.zeros([], { dtype: "i32" }),
  "a batch of bool": () => main.zeros([1, 2, 3, 4], { dtype: "bool" }),
  "an empty tensor": () => main.zeros([0]),
  "a function": () => () => undefined,
  "a bigint": () => 1n,
  "a symbol": () => Symbol("nonsense"),
};

/** A value for every kind of argument, by the name of the kind: so that one argument at a time can be wrong. */
const right: Readonly<Record<string, () => unknown>> = {
  "a tensor": () => main.ones([1, 2, 4, 4]),
  "a tensor or a number": () => 2,
  "a tensor or null": () => null,
  "a variable": () => new main.Variable(main.ones([2])),
  "a variable or null": () => null,
  "a number": () => 1,
  "a finite number": () => 1,
  "a whole number": () => 1,
  "a whole number ≥ 0": () => 1,
  "a whole number ≥ 1": () => 1,
  "true or false": () => true,
  "a string": () => "name",
  "a function": () => () => main.ones([1]),
  "a plain object": () => ({}),
  "an array of sizes": () => [1, 2],
  "an array of tensors": () => [main.ones([2])],
  "an array of numbers": () => [0],
  "a Uint8Array": () => new Uint8Array(8),
  "a Generator": () => new main.Generator(0),
  "a module": () => new nn.ReLU(),
  "a data set": () => digits,
  "a DataLoader": () => new data.DataLoader(digits),
};

const digits = new data.ArrayDataset({
  images: new Uint8Array(8),
  labels: [0, 1],
  sampleShape: [1, 2, 2],
  role: "train",
});

const argumentLists = function* (signature: Signature | undefined): Iterable<[string, unknown[]]> {
  yield ["no argument", []];
  const wrong = Object.entries(wrongValues);
  for (const [name, make] of wrong) {
    for (const count of [1, 2, 3, 4]) yield [`${count} × ${name}`, Array.from({ length: count }, make)];
  }
  const samples = signature?.kinds.map((kind) => right[kind.name]) ?? [];
  if (!signature || samples.some((make) => make === undefined)) return;
  const good = () => samples.map((make) => make());
  for (const [name, make] of wrong) {
    for (const at of samples.keys()) yield [`${name} at ${at}`, good().map((value, i) => (i === at ? make() : value))];
    yield [`${name} behind the others`, [...good(), make()]];
    yield [`${name} behind the options`, [...good(), {}, make()]];
    for (const option of Object.keys(signature.options ?? {})) {
      yield [`${name} as ${option}`, [...good(), { [option]: make() }]];
    }
  }
};

/** The complaint about a call that neither works nor throws as it should. */
async function complaint(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (!(error instanceof FoveaError)) return `${String(error).split("\n")[0]}`;
    const text = describeError(error);
    return /[\r\n]/.test(text) ? `several lines: ${text}` : undefined;
  }
}

async function complaints(make: (args: unknown[]) => unknown, signature: Signature | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const [name, args] of argumentLists(signature)) {
    const text = await complaint(() => make(args));
    if (text) found.push(`(${name}): ${text}`);
  }
  return found;
}

const home = process.cwd();
let folder = "";
beforeAll(async () => {
  await main.useDevice("interp");
  folder = mkdtempSync(join(tmpdir(), "fovea-surface-"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

describe("functions", () => {
  it.each(functions)("$path", async ({ name, value }) => {
    expect(await complaints((args) => (value as Call)(...args), signatures.get(name))).toEqual([]);
  });
});

/** Built by functions of the library only, from parts that they have checked. */
const NOT_CONSTRUCTED: Readonly<Record<string, string>> = {
  Tensor: "wraps a node of the graph; made by tensor, zeros and the like",
  ImageFolderDataset: "made by loadImageFolder",
};

describe("constructors", () => {
  it.each(classes.filter(({ name }) => !(name in NOT_CONSTRUCTED)))("$path", async ({ name, value }) => {
    const make = (args: unknown[]) => Reflect.construct(value as never, args);
    expect(await complaints(make, signatures.get(name))).toEqual([]);
  });
});

/** Something to call the methods of, for every class that has methods of its own. */
const subjects: Readonly<Record<string, () => object>> = {
  Tensor: () => main.ones([1, 2, 4, 4]),
  Variable: () => new main.Variable(main.ones([2])),
  Generator: () => new main.Generator(0),
  ArrayDataset: () => digits,
  DataLoader: () => new data.DataLoader(digits),
  Module: () => new nn.Linear(2, 3),
  Optimizer: () => new optim.SGD(new nn.Linear(2, 3).parameters(), { lr: 0.1 }),
  Averages: () => new optim.Ema(new nn.Linear(2, 3).stateDict()),
  Context: () => new main.Context({ device: "interp" }),
  WhiteningConv2d: () => new vision.WhiteningConv2d(2, 3),
};

describe("methods", () => {
  const methods = classes.flatMap(({ name, value }) =>
    name in subjects
      ? Object.getOwnPropertyNames(value.prototype).flatMap((method) => {
          const { value: found } = Object.getOwnPropertyDescriptor(value.prototype, method) as PropertyDescriptor;
          const declared = signatures.has(`${name}.${method}`);
          return method !== "constructor" && typeof found === "function" && declared ? [{ name, method }] : [];
        })
      : [],
  );

  it("are found, of every class that declares some", () => {
    expect(methods.length).toBeGreaterThan(90);
    const declaring = new Set(
      [...signatures.keys()].filter((key) => key.includes(".")).map((key) => key.split(".")[0]),
    );
    const known = [...Object.keys(subjects), ...Object.keys(NOT_CONSTRUCTED)];
    expect([...declaring].filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(methods)("$name.$method", async ({ name, method }) => {
    const call = (args: unknown[]) => (subjects[name]() as Record<string, Call>)[method](...args);
    expect(await complaints(call, signatures.get(`${name}.${method}`))).toEqual([]);
  });
});

/** Called often and with anything by those who use them, or without arguments at all. */
const UNDECLARED: Readonly<Record<string, string>> = {
  "main.memoryStats": "takes no arguments",
  "main.isGradEnabled": "takes no arguments",
  "main.isTracing": "takes no arguments",
  "main.currentContext": "takes no arguments",
  "main.currentDevice": "takes no arguments",
  "main.describeDevices": "takes no arguments",
  "main.programCount": "takes no arguments",
  "data.loadMnist": "takes no arguments",
};

describe("signatures", () => {
  it("are declared for every function", () => {
    const missing = functions.filter(({ path, name }) => !signatures.has(name) && !(path in UNDECLARED));
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  it("are declared for every public method of tensors", () => {
    const hidden = new Set(["constructor", "toString", "version", ...privateMethods()]);
    const missing: string[] = [];
    let prototype: object = main.Tensor.prototype;
    for (; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        if (typeof value === "function" && !signatures.has(`Tensor.${name}`) && !hidden.has(name)) missing.push(name);
      }
    }
    expect(missing).toEqual([]);
  });
});

/** Names of the methods that TypeScript hides from users of a tensor, by its sources. */
function privateMethods(): string[] {
  const folder = new URL("../../src/tensor/methods/", import.meta.url);
  const sources = [...readdirSync(folder).map((file) => new URL(file, folder)), new URL("../tensor.ts", folder)];
  return sources.flatMap((url) =>
    [...readFileSync(url, "utf8").matchAll(/^ {2}(?:private|protected) (?:override |abstract )*(\w+)\(/gm)].map(
      ([, name]) => name,
    ),
  );
}
