/** Index expressions against the integers: whatever is simplified away, the value over the whole range is the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as ix from "../../src/ir/index-math.js";

const variables: readonly ix.LoopVar[] = [
  { name: "i", extent: 3 },
  { name: "j", extent: 4 },
  { name: "k", extent: 6 },
];

/** An index together with what it means. */
interface Meant {
  readonly index: ix.Index;
  readonly value: (at: readonly number[]) => number;
}
type Expression =
  | { readonly kind: "variable"; readonly of: number }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "add" | "minus"; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "scale" | "div" | "mod"; readonly a: Expression; readonly by: number };

const { expression } = fc.letrec<{ expression: Expression }>((tie) => {
  const operand = tie("expression");
  const by = fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 12);
  return {
    expression: fc.oneof(
      { maxDepth: 5, depthSize: "large" },
      fc.record({ kind: fc.constant("variable" as const), of: fc.nat(2) }),
      fc.record({ kind: fc.constant("constant" as const), value: fc.integer({ min: -7, max: 20 }) }),
      fc.record({ kind: fc.constantFrom("add" as const, "minus" as const), a: operand, b: operand }),
      fc.record({ kind: fc.constant("scale" as const), a: operand, by: fc.constantFrom(-3, -1, 0, 1, 2, 4, 6, 12) }),
      fc.record({ kind: fc.constantFrom("div" as const, "mod" as const), a: operand, by }),
    ),
  };
});

function meant(e: Expression): Meant {
  if (e.kind === "variable") return { index: ix.variable(variables[e.of]), value: (at) => at[e.of] };
  if (e.kind === "constant") return { index: ix.constant(e.value), value: () => e.value };
  const a = meant(e.a);
  if ("b" in e) {
    const b = meant(e.b);
    const sign = e.kind === "add" ? 1 : -1;
    return {
      index: (e.kind === "add" ? ix.add : ix.minus)(a.index, b.index),
      value: (at) => a.value(at) + sign * b.value(at),
    };
  }
  if (e.kind === "scale") return { index: ix.scale(a.index, e.by), value: (at) => a.value(at) * e.by };
  const quotient = (at: readonly number[]) => Math.floor(a.value(at) / e.by);
  const value = e.kind === "div" ? quotient : (at: readonly number[]) => a.value(at) - e.by * quotient(at);
  return { index: (e.kind === "div" ? ix.div : ix.mod)(a.index, e.by), value };
}

/** The value of an index, by its definition. */
function evaluate(index: ix.Index, at: ReadonlyMap<string, number>): number {
  return index.terms.reduce((sum, { atom, coefficient }) => {
    if (atom.kind === "var") return sum + coefficient * (at.get(atom.variable.name) ?? Number.NaN);
    const inner = evaluate(atom.of, at);
    const quotient = Math.floor(inner / atom.by);
    return sum + coefficient * (atom.kind === "div" ? quotient : inner - atom.by * quotient);
  }, index.offset);
}

const points: readonly (readonly number[])[] = Array.from({ length: 72 }, (_, p) => [
  Math.floor(p / 24),
  Math.floor(p / 6) % 4,
  p % 6,
]);
const environment = (at: readonly number[]) => new Map(variables.map(({ name }, i) => [name, at[i]]));
const settings = { seed: 7, numRuns: 800 };

describe("index expressions", () => {
  it("mean the same integers everywhere", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const { index, value } = meant(e);
        for (const at of points) expect(evaluate(index, environment(at)) + 0).toBe(value(at) + 0);
      }),
      settings,
    );
  });

  it("stay within their bounds", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const { index, value } = meant(e);
        for (const at of points) {
          expect(value(at)).toBeGreaterThanOrEqual(index.low);
          expect(value(at)).toBeLessThanOrEqual(index.high);
        }
      }),
      settings,
    );
  });

  it("move by their stride, where they have one", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const { index, value } = meant(e);
        const stride = ix.strideOf(index, "k");
        if (stride === null) return;
        for (const at of points) if (at[2] > 0) expect(value(at) - value(at.with(2, at[2] - 1)) + 0).toBe(stride + 0);
      }),
      settings,
    );
  });

  it("keep their meaning when a variable is replaced", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const { index, value } = meant(e);
        const replaced = ix.substitute(index, new Map([["k", ix.plus(ix.variable({ name: "i", extent: 3 }), 2)]]));
        for (const at of points) expect(evaluate(replaced, environment(at)) + 0).toBe(value(at.with(2, at[0] + 2)) + 0);
      }),
      settings,
    );
  });

  it("walk a shape row by row", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), (shape) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const position = ix.variable({ name: "p", extent: size });
        const back = ix.flatten(ix.unflatten(position, shape), shape);
        expect(back.key).toBe(position.key);
      }),
      settings,
    );
  });

  it("drop only guards that hold or follow", () => {
    const bound = fc.record({ e: expression, extent: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(bound, { maxLength: 3 }), (bounds) => {
        const all = bounds.map(({ e, extent }) => ({ ...meant(e), extent }));
        const kept = ix.simplifyGuard(all.map(({ index, extent }) => ({ index, extent })));
        for (const at of points) {
          const wanted = all.every(({ value, extent }) => value(at) >= 0 && value(at) < extent);
          const found =
            kept?.every(({ index, extent }) => {
              const value = evaluate(index, environment(at));
              return value >= 0 && value < extent;
            }) ?? false;
          expect(found).toBe(wanted);
        }
      }),
      settings,
    );
  });

  it("cancel what a reshape to blocks and back adds", () => {
    const x = ix.variable({ name: "x", extent: 60 });
    const block = ix.add(ix.scale(ix.div(x, 8), 8), ix.mod(x, 8));
    expect(block.key).toBe(x.key);
    expect(ix.div(ix.add(ix.scale(x, 12), ix.variable({ name: "y", extent: 12 })), 12).key).toBe(x.key);
    expect(ix.mod(ix.scale(x, 12), 4).key).toBe(ix.zero.key);
    expect(ix.div(ix.div(x, 3), 4).key).toBe(ix.div(x, 12).key);
  });
});
