/**
 * Large graphs: passes neither recurse over them nor take time quadratic in them (a test that did would not end in its
 * time), and what they become is bounded, kernel by kernel. Values of such graphs are compared in test/tensor/deep.test.ts.
 */
import { describe, expect, it } from "vitest";
import { differentiate } from "../../src/autograd/index.js";
import { compileGraph } from "../../src/compiler/index.js";
import { structureKey } from "../../src/compiler/structure-key.js";
import type { Node } from "../../src/ir/graph.js";
import type { Kernel } from "../../src/ir/loops.js";
import type { Program } from "../../src/ir/program.js";
import { eachExpr, eachPartStmt, exprsOf } from "../../src/ir/visit.js";
import { graph, helpers } from "../../src/ops/index.js";
import { recordedTarget } from "../support/targets.js";
import { leaf } from "./graphs.js";

const target = recordedTarget("avx2, L2 512 KiB");

interface Case {
  readonly outputs: readonly Node[];
  readonly leaves: readonly Node[];
  readonly replaces?: readonly (number | null)[];
}

function compiled({ outputs, leaves, replaces = outputs.map(() => null) }: Case): Program {
  structureKey(outputs);
  return compileGraph({ outputs, leaves, replaces, target, verify: true });
}

/** Distinct expressions of a kernel. */
function expressions({ parts }: Kernel): number {
  const keys = new Set<string>();
  eachPartStmt(parts, (s) => {
    eachExpr(exprsOf(s), ({ key }) => keys.add(key));
  });
  return keys.size;
}

/** Kernels of at most 512 nests, each in a few parts, of bounded arithmetic. */
function expectBounded({ kernels }: Program): void {
  for (const kernel of kernels) {
    expect(kernel.parts.length, kernel.label).toBeLessThanOrEqual(2 * 512);
    expect(expressions(kernel) / kernel.parts.length, kernel.label).toBeLessThan(4000);
  }
}

const times = (count: number, x: Node, step: (x: Node, i: number) => Node): Node => {
  let y = x;
  for (let i = 0; i < count; i++) y = step(y, i);
  return y;
};

const spread = (x: Node, shape: readonly number[]): Node => helpers.broadcast(graph, x, shape);
const sum = (x: Node, axes: readonly number[]): Node => helpers.reduceSum(graph, x, axes);

/** Some 4,000 nodes each, and how many different kernels they may become. */
const cases: Readonly<Record<string, { readonly most: number; readonly build: () => Case }>> = {
  "a chain of small element-wise work": {
    most: 3,
    build: () => {
      const [x, a, b] = [leaf([100]), leaf([100]), leaf([100])];
      const y = times(2000, x, (z) => graph.op("add", graph.op("mul", z, a), b));
      return { outputs: [y], leaves: [x, a, b] };
    },
  },
  "a chain behind a product of matrices": {
    most: 4,
    build: () => {
      const [x, w] = [leaf([1, 64, 64]), leaf([1, 64, 64])];
      const y = times(2000, graph.make("matmul", [x, w], {}), (z) => graph.op("add", graph.op("mul", z, x), w));
      return { outputs: [y], leaves: [x, w] };
    },
  },
  "squares of squares": {
    most: 3,
    build: () => {
      const x = leaf([64]);
      return { outputs: [times(4000, x, (z) => graph.op("mul", z, z))], leaves: [x] };
    },
  },
  "movements without arithmetic": {
    most: 4,
    build: () => {
      const x = leaf([64, 64]);
      const y = times(2000, x, (z) => {
        const cut = graph.make("slice", [z], { start: [1, 0], step: [1, 1] }, { shape: [63, 64] });
        return graph.make("pad", [cut], { before: [0, 0], value: 0 }, { shape: [64, 64] });
      });
      return { outputs: [y], leaves: [x] };
    },
  },
  "many outputs of one small value": {
    most: 10,
    build: () => {
      const x = leaf([64]);
      const outputs = Array.from({ length: 2000 }, (_, i) => graph.op("max", x, graph.constant(i + 2, x)));
      return { outputs, leaves: [x] };
    },
  },
  "many outputs of one large value": {
    most: 40,
    build: () => {
      const x = leaf([64, 1000]);
      const outputs = Array.from({ length: 2000 }, (_, i) => graph.op("max", x, graph.constant(i + 2, x)));
      return { outputs, leaves: [x] };
    },
  },
  "reductions behind one another": {
    most: 6,
    build: () => {
      const x = leaf([64, 8]);
      const y = times(1000, x, (z) =>
        graph.op("add", z, spread(helpers.reshape(graph, sum(z, [1]), [64, 1]), [64, 8])),
      );
      return { outputs: [y], leaves: [x] };
    },
  },
  "reductions beside one another": {
    most: 10,
    build: () => {
      const x = leaf([64, 8]);
      const outputs = Array.from({ length: 2000 }, (_, i) => sum(graph.op("max", x, graph.constant(i + 2, x)), [0, 1]));
      return { outputs, leaves: [x] };
    },
  },
  "sums of a product that grows": {
    most: 10,
    build: () => {
      const [x, c] = [leaf([64, 64]), leaf([64, 1])];
      const outputs: Node[] = [];
      times(1000, x, (z) => {
        const y = graph.op("mul", z, spread(c, [64, 64]));
        outputs.push(sum(y, [1]));
        return y;
      });
      return { outputs, leaves: [x, c] };
    },
  },
  "products of matrices": {
    most: 2,
    build: () => {
      const x = leaf([1, 16, 32]);
      const leaves = [x];
      const y = times(2000, x, (z) => {
        const w = leaf([1, 32, 32]);
        leaves.push(w);
        return graph.make("matmul", [z, w], {});
      });
      return { outputs: [y], leaves };
    },
  },
  "updates of many parameters, in place": {
    most: 3,
    build: () => {
      const rate = leaf([1]);
      const leaves = [rate];
      const outputs: Node[] = [];
      const replaces: number[] = [];
      for (let i = 0; i < 500; i++) {
        const [p, m, g] = [leaf([64, 16]), leaf([64, 16]), leaf([64, 16])];
        const moment = graph.op("add", graph.op("mul", m, graph.constant(0.9, m)), g);
        const moved = graph.op("sub", p, graph.op("mul", moment, spread(rate, p.shape)));
        replaces.push(leaves.length, leaves.length + 1);
        leaves.push(p, m, g);
        outputs.push(moved, moment);
      }
      return { outputs, leaves, replaces };
    },
  },
  "gradients through a chain": {
    most: 20,
    build: () => {
      const x = leaf([100]);
      const weights: Node[] = [];
      const y = times(1000, x, (z) => {
        const w = leaf([100]);
        weights.push(w);
        return graph.op("sqrt", graph.op("mul", z, w));
      });
      const total = sum(y, [0]);
      const gradients = differentiate(total, graph.constant(1, total), [x, ...weights]);
      return { outputs: [total, ...gradients.flatMap((g) => g ?? [])], leaves: [x, ...weights] };
    },
  },
  "concatenation of many values": {
    most: 6,
    build: () => {
      const leaves = Array.from({ length: 4000 }, (_, i) => leaf([1 + (i % 2), 3]));
      return { outputs: [graph.make("concat", leaves, { axis: 0 })], leaves };
    },
  },
};

describe("4,000 nodes", () => {
  it.each(Object.entries(cases))("%s", (_, { most, build }) => {
    const program = compiled(build());
    expect(program.kernels.length).toBeLessThanOrEqual(most);
    expectBounded(program);
  });

  it("updates are made in place, every one", () => {
    const program = compiled(cases["updates of many parameters, in place"].build());
    expect(program.inPlace).not.toContain(null);
  });
});

it("a chain of 100,000 nodes becomes a few hundred steps of a few kernels, with memory for a few values", () => {
  const [x, a, b] = [leaf([100]), leaf([100]), leaf([100])];
  const y = times(50_000, x, (z) => graph.op("add", graph.op("mul", z, a), b));
  const [gradient] = differentiate(y, a, [x]);
  const program = compiled({ outputs: [y, gradient ?? y], leaves: [x, a, b] });
  expect(program.kernels.length).toBeLessThanOrEqual(6);
  expect(program.steps.length).toBeLessThan(1000);
  expect(program.arenaBytes).toBeLessThan(1 << 14);
});
