/**
 * A refactoring of the compiler leaves every kernel as it was: hashes of all kernels of the models of the zoo on recorded
 * targets, compared with kernels.json. A change that is meant to change kernels writes the file anew, and says why:
 * `UPDATE_GOLDEN=1 npx vitest run test/compiler/kernels.test.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { type Recording, recordZoo, zoo } from "./zoo.js";

// Other tests verify kernels; this one only names them.
vi.hoisted(() => {
  process.env.FOVEA_VERIFY = "0";
});

const file = fileURLToPath(new URL("kernels.json", import.meta.url));
const update = process.env.UPDATE_GOLDEN === "1";

/** By model and target: the hashes of all kernels in their order, and one of how steps use memory. */
const schema = z.record(z.string(), z.record(z.string(), z.object({ kernels: z.string(), steps: z.string() })));
const stored: z.infer<typeof schema> = update ? {} : schema.parse(JSON.parse(readFileSync(file, "utf8")));

/** What differs, in one line each. */
function differences({ kernels, steps }: Recording, known: { kernels: string; steps: string } | undefined): string[] {
  if (!known) return ["nothing is stored: write kernels.json anew"];
  const old = known.kernels.split(" ");
  const found: string[] = [];
  if (old.length !== kernels.length) found.push(`${kernels.length} kernels instead of ${old.length}`);
  const left = new Set(old);
  const changed = kernels.filter(({ hash }) => !left.has(hash));
  found.push(...changed.map(({ label }) => `another kernel ${label}`));
  if (found.length > 0) return found;
  if (kernels.some(({ hash }, i) => hash !== old[i])) return ["the same kernels in another order"];
  return steps === known.steps ? [] : ["the same kernels, but other buffers, memory or waits of steps"];
}

describe.each(zoo)("$name ($work)", (entry) => {
  it("has the kernels that are stored, on every recorded target", async () => {
    const recorded = await recordZoo(entry);
    if (update) {
      stored[entry.name] = Object.fromEntries(
        [...recorded].map(([target, { kernels, steps }]) => [
          target,
          { kernels: kernels.map(({ hash }) => hash).join(" "), steps },
        ]),
      );
    }
    const found = [...recorded].flatMap(([target, recording]) =>
      differences(recording, stored[entry.name]?.[target]).map((text) => `${entry.name} on ${target}: ${text}`),
    );
    expect(found).toEqual([]);
    expect([...recorded.keys()].sort()).toEqual(Object.keys(stored[entry.name]).sort());
  });
});

it("stores nothing of models that are not recorded", () => {
  expect(Object.keys(stored).sort()).toEqual(zoo.map(({ name }) => name).sort());
});

afterAll(() => {
  if (update) writeFileSync(file, `${JSON.stringify(stored, null, 1)}\n`);
});
