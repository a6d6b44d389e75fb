/** Contexts: what each has for itself, what cannot be mixed, and that one does not wait for another. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import {
  Context,
  ContextError,
  compile,
  currentContext,
  full,
  grad,
  isGradEnabled,
  noGrad,
  ones,
  Parameter,
  programCount,
  realize,
  type Tensor,
  tensor,
  useDevice,
  Variable,
  withContext,
  zeros,
} from "../../src/index.js";
import { Conv2d, Dropout, Flatten, functional, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.js";
import { SGD } from "../../src/optim/index.js";
import { root } from "../../tools/setup.mjs";

const pixels = Float32Array.from({ length: 8 * 36 }, (_, i) => ((i * 37) % 11) / 11);
const images = () => tensor(pixels, { shape: [8, 1, 6, 6] });
const labels = () => tensor(Int32Array.from({ length: 8 }, (_, i) => i % 3));

/** A small training in a context. */
function trainingIn(context: Context) {
  return withContext(context, () => {
    manualSeed(5);
    const model = new Sequential(
      new Conv2d(1, 4, 3),
      new ReLU(),
      new Flatten(),
      new Dropout({ p: 0.2 }),
      new Linear(64, 3),
    );
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = functional.crossEntropy(model(x), y);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    return async (steps: number): Promise<number[]> => {
      const losses: number[] = [];
      for (let i = 0; i < steps; i++) losses.push(await (await step(images(), labels())).item());
      return losses;
    };
  });
}

describe("two contexts", () => {
  it.each([
    ["native", "wasm"],
    ["native", "interp"],
    ["native", "native"],
    ["wasm", "wasm"],
  ])("on %s and %s train side by side as each does alone", async (one, other) => {
    const alone = [
      await trainingIn(new Context({ device: one }))(6),
      await trainingIn(new Context({ device: other }))(6),
    ];
    const [a, b] = [new Context({ device: one }), new Context({ device: other })].map(trainingIn);
    expect(await Promise.all([a(6), b(6)])).toEqual(alone);
    expect(alone[0][5]).toBeLessThan(alone[0][0]);
  });

  it("do not wait for each other: a query is answered while a long program of the other runs", async () => {
    const [training, dashboard] = [
      new Context({ device: "native", name: "training" }),
      new Context({ device: "wasm", name: "dashboard" }),
    ];
    const long = withContext(training, () =>
      compile((x: Tensor) => {
        let y = x;
        for (let i = 0; i < 60; i++) y = y.matmul(x);
        return y.sum();
      }),
    );
    const query = withContext(dashboard, () => {
      const count = new Variable(zeros([]));
      const next = compile(() => {
        count.assign(count.add(1));
        return count.mul(2);
      });
      return async () => (await next()).item();
    });
    const x = full([768, 768], 0.001);
    await long(x);
    expect(await query()).toBe(2);
    let running = true;
    const run = long(x).then(() => {
      running = false;
    });
    const answers: number[] = [];
    for (let i = 0; i < 3; i++) {
      answers.push(await query());
      expect(running).toBe(true);
    }
    await run;
    expect(answers).toEqual([4, 6, 8]);
  });

  it("compute constants of each other's making", async () => {
    const [a, b] = [new Context({ device: "native" }), new Context({ device: "wasm" })];
    const x = tensor([1, 2, 3]);
    const y = x.mul(2);
    const sums = [a, b, a].map((context) => withContext(context, () => new Parameter(ones([3])).mul(y).sum().item()));
    expect(await Promise.all(sums)).toEqual([12, 12, 12]);
    // Computed in one, used in the other.
    await withContext(a, () => realize(y));
    const readers = [b, a].map((context) => withContext(context, () => new Variable(ones([3])).add(y).toArray()));
    expect(await Promise.all(readers)).toEqual([
      [3, 5, 7],
      [3, 5, 7],
    ]);
  });

  it("have programs, gradient mode and seeds of their own", async () => {
    const [a, b] = [new Context({ device: "interp" }), new Context({ device: "interp" })];
    const before = programCount();
    await withContext(a, () => ones([7]).mul(3).sum().item());
    expect([withContext(a, programCount), withContext(b, programCount), programCount()]).toEqual([1, 0, before]);
    noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      expect(withContext(a, isGradEnabled)).toBe(true);
    });
    const weights = (context: Context, seed: number) =>
      withContext(context, () => {
        manualSeed(seed);
        return () => withContext(context, () => new Linear(2, 2).weight.toArray());
      });
    const [first, second] = [weights(a, 1), weights(b, 1)];
    await useDevice("interp");
    manualSeed(9);
    const values = [await first(), await first(), await second(), await second()];
    expect(values[0]).toEqual(values[2]);
    expect(values[1]).toEqual(values[3]);
    expect(values[0]).not.toEqual(values[1]);
  });

  it("of which one has something that cannot be computed do not disturb each other", async () => {
    const [a, b] = [new Context({ device: "wasm" }), new Context({ device: "wasm" })];
    const broken = withContext(a, () => {
      const v = new Variable(zeros([2]));
      v.assign(v.to("f64").add(1));
      return v;
    });
    expect(await withContext(b, () => new Variable(ones([2])).add(1).toArray())).toEqual([2, 2]);
    expect(await withContext(a, () => new Variable(ones([2])).add(1).toArray())).toEqual([2, 2]);
    await expect(broken.data()).rejects.toThrow("has no f64");
  });
});

describe("values of two contexts", () => {
  const [a, b] = [new Context({ device: "interp", name: "alpha" }), new Context({ device: "interp", name: "beta" })];
  const va = withContext(a, () => new Variable(ones([2]), { name: "va" }));
  const vb = withContext(b, () => new Parameter(ones([2]), { name: "vb" }));
  const both = /combines values of the contexts "(alpha|beta)" and "(?!\1)(alpha|beta)"/;

  it.each<[string, () => unknown]>([
    ["add", () => va.add(vb)],
    ["add of what is computed from them", () => va.mul(2).add(vb.mul(3).sum())],
    ["matmul", () => va.reshape([1, 2]).matmul(vb.reshape([2, 1]))],
    ["where", () => va.gt(0).where(vb, 1)],
    ["assign", () => va.assign(vb)],
  ])("cannot be combined: %s", (_, build) => {
    expect(build).toThrow(ContextError);
    expect(build).toThrow(both);
  });

  it("cannot meet in a compiled function, as arguments or as variables", async () => {
    const step = withContext(a, () => compile((x: Tensor) => x.mul(va)));
    await expect(step(vb)).rejects.toThrow(both);
    const reading = withContext(a, () => compile((x: Tensor) => x.mul(va).add(vb)));
    await expect(reading(ones([2]))).rejects.toThrow(both);
    expect(await (await step(ones([2]))).toArray()).toEqual([1, 1]);
  });

  it("know where they belong, also outside withContext", async () => {
    expect([va.context, vb.mul(2).context, ones([2]).context]).toEqual([a, b, currentContext()]);
    const loss = vb.square().sum();
    loss.backward();
    expect([loss.context, vb.grad?.context]).toEqual([b, b]);
    expect(await vb.grad?.toArray()).toEqual([2, 2]);
    const [g] = grad(va.square().sum(), [va]);
    expect([g.context, await g.toArray()]).toEqual([a, [2, 2]]);
    const result = await withContext(b, () => compile(() => vb.mul(5)))();
    expect([result.context, await result.toArray()]).toEqual([b, [5, 5]]);
  });
});

describe("withContext", () => {
  it("holds until the function returns, also by an exception", () => {
    const outer = currentContext();
    const inner = new Context({ name: "inner" });
    expect(withContext(inner, () => currentContext())).toBe(inner);
    expect(() =>
      withContext(inner, () => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(currentContext()).toBe(outer);
  });

  it("refuses asynchronous functions, which would build elsewhere behind an await", () => {
    expect(() => withContext(new Context(), async () => 1)).toThrow(/^\[withContext\] the function is asynchronous/);
  });

  it("a context needs a device that there is", () => {
    expect(() => new Context({ device: "abacus" })).toThrow('unknown device "abacus"');
  });

  it("finish waits for what was asked before", async () => {
    const context = new Context({ device: "native" });
    const v = withContext(context, () => new Variable(zeros([])));
    const step = withContext(context, () => compile(() => v.assign(v.add(1))));
    let ended = 0;
    const calls = [1, 2, 3].map(() => step().then(() => ended++));
    await context.finish();
    expect(ended).toBe(3);
    await Promise.all(calls);
  });
});

describe("the state of the process", () => {
  /** What modules may keep for themselves, with the reason. */
  const allowed: Readonly<Record<string, string>> = {
    "codegen/js-support.ts known": "functions by their text, made once",
    "util/cache-folder.ts chosen": "the folder of the process, found once",
    "ir/graph.ts NO_INPUTS": "never changes",
    "nn/module/calls.ts current": "the module that is called: put back by whoever changes it",
    "nn/module/calls.ts observers": "of the calls that are under way: put back by whoever changes it",
    "nn/recurrent/step-observer.ts observer": "of the call that is under way: put back by whoever changes it",
    "nn/module/members.ts snakeCases": "names of fields, computed once",
    "util/scope.ts now": "where something is built: put back by whoever changes it",
    "ir/graph.ts nextId": "numbers of nodes",
    "runtime/storage.ts stats": "bytes of all devices together",
    "runtime/storage.ts versions": "numbers of values",
    "tensor/context.ts current": "the context of what is built: put back by whoever changes it",
    "tensor/devices.ts registered": "the registry of devices",
    "tensor/devices.ts opened": "the registry of devices",
    "tensor/devices.ts first": "the registry of devices",
    "tensor/state-files.ts open": "how files are opened where the program runs, as the entries say",
    "util/arguments.ts signatures": "declarations, complete once modules are loaded",
  };
  const layers = ["util", "ir", "ops", "autograd", "compiler", "codegen", "runtime", "tensor", "nn", "optim"];

  it("is the default context, the registry of devices, and little else", () => {
    const found = layers.flatMap((layer) => {
      const folder = join(root, "src", layer);
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
      return files.flatMap((name) =>
        stateOf(readFileSync(join(folder, name), "utf8")).map((one) => `${layer}/${name} ${one}`),
      );
    });
    expect(found.sort()).toEqual(Object.keys(allowed).sort());
  });

  it("is found where there is some", () => {
    const text = `let a = 0;\nconst b = new Map();\nconst c = { n: 0 };\nc.n++;\nconst d = new WeakMap();\nconst e = new Set([1]);`;
    expect(stateOf(text)).toEqual(["a", "b", "c"]);
  });
});

/** Names of variables of a module that change: `let`, collections that start empty, objects whose fields are set. */
function stateOf(text: string): string[] {
  const source = ts.createSourceFile("module.ts", text, ts.ScriptTarget.ES2022, true);
  return source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList: list }) =>
    list.declarations.flatMap(({ name, initializer }) => {
      if (!ts.isIdentifier(name)) return [];
      const written = new RegExp(`\\b${name.text}\\.\\w+ *([-+*/]?=[^=]|\\+\\+|--)`).test(text);
      const empty =
        initializer !== undefined &&
        ((ts.isNewExpression(initializer) &&
          /^(Map|Set)$/.test(initializer.expression.getText()) &&
          (initializer.arguments ?? []).length === 0) ||
          (ts.isArrayLiteralExpression(initializer) && initializer.elements.length === 0));
      const changes =
        !(list.flags & ts.NodeFlags.Const) ||
        empty ||
        (initializer && ts.isObjectLiteralExpression(initializer) && written);
      return changes ? [name.text] : [];
    }),
  );
}
