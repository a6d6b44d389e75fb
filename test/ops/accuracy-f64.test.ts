/**
 * Scalar ops on f64 over the whole range of doubles, against their meaning: what rounds once has the same bits, on every
 * vector width, and elementary functions, which are those of the C library, lie within a few units of the last place.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Tensor, tensor, useDevice } from "../../src/index.js";
import { type ScalarName, scalarNames, scalarOps } from "../../src/ir/scalar/index.js";
import { graph } from "../../src/ops/index.js";
import { valuesOf } from "../support/devices.js";
import { specials } from "../support/floats.js";
import { DOUBLE_ULPS, doublesBetween, randomSource } from "../support/numbers.js";
import { nativeWidths } from "../support/widths.js";

const random = randomSource(3);
const sign = () => (random() < 0.5 ? -1 : 1);
/** Every eighth exponent, and what lies evenly where functions bend. */
const values = [
  ...specials,
  ...Array.from({ length: 265 }, (_, k) => sign() * (1 + random()) * 2 ** (8 * k - 1070)),
  ...[1, 3, 30, 710].flatMap((most) => Array.from({ length: 100 }, () => (2 * random() - 1) * most)),
  ...[Number.MAX_VALUE, Number.MIN_VALUE, 2 ** -1022, 2 ** 53, 2 ** 52 - 0.5, 2 ** 31, -(2 ** 31), 1, -1, 0.5, 2.5],
];

const isFloating = (name: ScalarName): boolean => {
  const { operands, arity, result } = scalarOps[name];
  return arity < 3 && operands !== "int" && operands !== "bool" && result !== "i32";
};
const names = scalarNames.filter(isFloating);
const pairs = values.flatMap((a, k) => [17, 101].map((step) => [a, values[(k * step + 3) % values.length]]));
const tuplesOf = (name: ScalarName): number[][] => (scalarOps[name].arity === 1 ? values.map((x) => [x]) : pairs);

/** The sign of a zero is that of the record, but for the larger or smaller of two zeros. */
const signed = (name: ScalarName): boolean => !["max", "min", "relu", "sign"].includes(name);

describe.each(nativeWidths)("f64 on %s", (device) => {
  let results: number[][] = [];
  beforeAll(async () => {
    await useDevice(device);
    results = await valuesOf(
      names.map((name) => {
        const tuples = tuplesOf(name);
        const operands = Array.from({ length: scalarOps[name].arity }, (_, k) =>
          tensor(Float64Array.from(tuples, (tuple) => tuple[k])),
        );
        return new Tensor(graph.op(name, ...operands.map((x) => x.node)));
      }),
    );
  });

  it.each(names.map((name, i) => [name, i] as const))("%s", (name, i) => {
    const { meaning, ulps, terms } = scalarOps[name];
    tuplesOf(name).forEach((tuple, k) => {
      const [found, wanted] = [results[i][k], meaning(...tuple)];
      if (found === 0 && wanted === 0 && !signed(name)) return;
      const term = terms?.(...tuple) ?? 0;
      const cancels = terms && Math.abs(found - wanted) <= term * 2 ** -50;
      const distance = cancels ? 0 : doublesBetween(found, wanted);
      const text = `${name}(${tuple.join(", ")}) = ${found}, meant ${wanted}`;
      expect(distance, text).toBeLessThanOrEqual(ulps > 0 ? DOUBLE_ULPS : 0);
    });
  });
});
