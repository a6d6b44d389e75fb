/** How contestants of a benchmark take turns: how many steps each, in how many rounds. Times are made up. */
import { describe, expect, it } from "vitest";
import { alternate, type Contestant, type RoundOptions } from "../../bench/rounds.js";

/** A contestant whose steps take `ms`, but for the first of a counted turn, and the turns that it was given. */
function contestant(name: string, ms: number): Contestant & { readonly turns: number[] } {
  const turns: number[] = [];
  return {
    name,
    turns,
    side: "ours",
    run: async (steps) => {
      turns.push(steps);
      return Array.from({ length: steps }, (_, i) => (i === 0 && steps > 2 ? 10 * ms : ms));
    },
  };
}

const options: RoundOptions = { rounds: 5, turnMs: 30 };

describe("rounds", () => {
  it("give each as many steps as fit, and do not count the first", async () => {
    const [quick, slower] = [contestant("quick", 5), contestant("slower", 20)];
    const { medianMs, roundMs } = await alternate([quick, slower], options);
    // One step and two more to learn how long they take; then a warm-up and the six that fit, or at least three.
    expect(quick.turns).toEqual([1, 2, 7, 7, 7, 7, 7]);
    expect(slower.turns).toEqual([1, 2, 4, 4, 4, 4, 4]);
    expect([medianMs.get("quick"), medianMs.get("slower")]).toEqual([5, 20]);
    expect(roundMs.get("quick")).toHaveLength(5);
  });

  it("give single steps to those that take long, in all rounds", async () => {
    const long = contestant("long", 1000);
    const { medianMs, fewSteps } = await alternate([long], options);
    expect(long.turns).toEqual([1, 1, 1, 1, 1, 1]);
    expect(medianMs.get("long")).toBe(1000);
    expect(fewSteps.size).toBe(0);
  });

  it("are two for those that are slow, by a limit of the benchmark's own", async () => {
    const [slow, patient] = [contestant("slow", 3000), contestant("patient", 3000)];
    expect([...(await alternate([slow], options)).fewSteps]).toEqual([["slow", 2]]);
    expect(slow.turns).toEqual([1, 1, 1]);
    expect((await alternate([patient], { ...options, slowMs: 5000 })).fewSteps.size).toBe(0);
    expect(patient.turns).toHaveLength(6);
  });

  it("end when the budget is used up, but not before the third", async () => {
    const long = contestant("long", 1000);
    await alternate([long], { ...options, budgetMs: 0 });
    expect(long.turns).toEqual([1, 1, 1, 1]);
  });

  it("go on without a peer that fails, which is noted; a failure of our side ends them", async () => {
    const failing = (side: Contestant["side"], turns: number): Contestant => {
      let left = turns;
      const run = async (steps: number) => {
        if (left-- === 0) throw new Error("it computes numbers that are not finite");
        return Array.from({ length: steps }, () => 5);
      };
      return { name: `${side} fails after ${turns}`, side, run };
    };
    for (const turns of [0, 1, 4]) {
      const [quick, peer] = [contestant("quick", 5), failing("peer", turns)];
      const { medianMs, notes } = await alternate([quick, peer], options);
      expect([...medianMs.keys()]).toEqual(["quick"]);
      expect(quick.turns).toHaveLength(7);
      expect(notes[0]).toBe(`${peer.name} is left out: it computes numbers that are not finite`);
      await expect(alternate([failing("ours", turns)], options)).rejects.toThrow("not finite");
    }
  });
});
