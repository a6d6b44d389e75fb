/** What statements behind each other may share, and what not: memory that they store to has more than one value. */
import { expect, it } from "vitest";
import { mutableNames, type StraightLine, shareSubexpressions } from "../../src/codegen/sharing.js";
import * as ix from "../../src/ir/index-math.js";
import { constantOf, declare, load, operation, register, set, store } from "../../src/ir/loops.js";

const element = (buffer: string) => load(buffer, "f32", ix.zero, [], 1);
const twice = (buffer: string) => operation("add", [element(buffer), constantOf(1, "f32")]);
const save = (buffer: string) => store(buffer, "f32", ix.zero, constantOf(2, "f32"), 1);

/** Keys of the temporaries of a run. */
function shared(run: readonly unknown[]): string[] {
  const statements = run as readonly StraightLine[];
  const mutable = mutableNames({ tasks: 1, body: statements });
  return shareSubexpressions(statements, mutable, new Map(), false).flatMap(({ temporaries }) =>
    temporaries.map(({ key }) => key),
  );
}

it("shares loads and what is computed of them", () => {
  const run = [declare("a", twice("B0")), save("B1"), declare("b", twice("B0"))];
  expect(shared(run)).toEqual([twice("B0").key]);
});

it("shares no load of memory that the run stores to, before or behind it", () => {
  expect(shared([declare("a", twice("S0")), save("S0"), declare("b", twice("S0"))])).toEqual([]);
  expect(shared([declare("a", twice("S0")), declare("b", twice("S0")), save("S0")])).toEqual([]);
});

it("shares nothing of registers that are set", () => {
  const sum = register("a", "f32", 1);
  const next = operation("add", [sum, element("B0")]);
  const run = [declare("a", element("B0")), set("a", next), declare("b", next)];
  expect(shared(run)).toEqual([element("B0").key]);
});

it("names what would nest deeper than compilers allow brackets to", () => {
  let e = element("B0");
  for (let i = 0; i < 10_000; i++) e = operation("neg", [e]);
  const keys = shared([declare("a", e)]);
  expect(keys.length).toBeGreaterThanOrEqual(10_000 / 64);
  expect(keys.length).toBeLessThanOrEqual(10_000 / 16);
});
