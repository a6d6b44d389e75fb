/** What is computed together with a value that is read: it follows from the program, never from the garbage collector. */
import { beforeEach, describe, expect, it } from "vitest";
import { collectGarbage } from "../../src/device/native/garbage.js";
import {
  Context,
  concat,
  currentContext,
  Generator,
  grad,
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

/** One turn of the event loop, then a collection: weak references are strong until the turn ends. */
async function collect(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  collectGarbage();
}

/** The number of programs that `work` adds to the cache. */
async function programsOf(work: () => Promise<unknown>): Promise<number> {
  const before = programCount();
  await work();
  return programCount() - before;
}

let extent = 2;
/** Values of a shape that no other test has, so that programs are new. */
const fresh = (): Tensor => tensor(new Float32Array(extent).fill(3));

beforeEach(async () => {
  await useDevice("interp");
  extent++;
});

describe("a collection between building and reading changes nothing", () => {
  const cases: readonly (readonly [string, () => Tensor])[] = [
    ["numbers of a generator that is dropped", () => new Generator(1).normal([extent, 2])],
    [
      "a value that a dropped variable shares",
      () => {
        const shared = fresh().exp();
        new Variable(shared.mul(2));
        return shared.add(1);
      },
    ],
    [
      "a value that dropped variables share through each other",
      () => {
        const [a, b] = [fresh().exp(), fresh().sin()];
        new Variable(a.mul(b));
        new Variable(b.sum());
        new Variable(b.mul(a.mean()));
        return a.add(1);
      },
    ],
    [
      "a loss whose parameters are dropped",
      () => {
        const [w, x] = [new Parameter(fresh()), fresh()];
        const loss = w.mul(x).square().sum();
        loss.backward();
        if (w.grad) w.assign(w.sub(w.grad));
        return loss;
      },
    ],
  ];

  it.each(cases)("%s", async (_, build) => {
    const kept = await programsOf(() => build().data());
    expect(kept).toBe(1);
    const collected = await programsOf(async () => {
      const value = build();
      await collect();
      await value.data();
    });
    expect(collected).toBe(0);
  });
});

describe("memory", () => {
  /** Whether the node of what `build` assigns to a variable that nothing else refers to is still reachable. */
  async function isReachable(build: () => Variable, then: () => Promise<unknown> = async () => undefined) {
    const nodeOf = () => new WeakRef(build().version().node);
    const node = nodeOf();
    await then();
    for (let turn = 0; turn < 5; turn++) await collect();
    return node.deref() !== undefined;
  }

  it("of a dropped variable is freed when what it shares is computed", async () => {
    const shared = fresh().exp();
    const build = () => new Variable(shared.mul(2));
    expect(await isReachable(build)).toBe(true);
    expect(await isReachable(build, () => shared.add(1).data())).toBe(false);
    expect(shared.size).toBe(extent);
  });

  it("of a dropped variable is freed when what it shares is dropped", async () => {
    expect(await isReachable(() => new Variable(fresh().exp().mul(2)))).toBe(false);
  });

  it("of a dropped parameter is freed, although it shares a counter with others", async () => {
    const generator = new Generator(1);
    const kept = new Variable(generator.normal([extent]));
    expect(await isReachable(() => new Variable(generator.normal([extent])))).toBe(false);
    expect(kept.size).toBe(extent);
  });

  it("of a value that was replaced is freed, although what it shares is not computed", async () => {
    const shared = fresh().exp();
    const variable = new Variable(zeros([extent]));
    const replaced = await isReachable(
      () => {
        variable.assign(shared.mul(2));
        return variable;
      },
      async () => variable.assign(shared.mul(3)),
    );
    expect(replaced).toBe(false);
  });
});

describe("what is computed along", () => {
  it("is what had been assigned when the value was requested, however late the request runs", async () => {
    const x = fresh().exp();
    const [before, after] = [new Variable(x.mul(2)), new Variable(zeros([extent]))];
    let release: () => void = () => undefined;
    const blocked = currentContext().inOrder(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const reading = x.data();
    before.assign(x.mul(7).neg());
    await collect();
    after.assign(x.mul(3));
    await collect();
    release();
    await blocked;
    await reading;
    // Neither was assigned at the request; the first value of `before` was.
    expect(await programsOf(() => after.data())).toBe(1);
    expect(await programsOf(() => before.data())).toBe(1);
    expect((await before.data())[0]).toBeCloseTo(Math.exp(3) * -7, 4);
    expect((await after.data())[0]).toBeCloseTo(Math.exp(3) * 3, 4);
  });

  it("is in the order of assignment, whatever joined the values first", async () => {
    const build = (linked: boolean): Tensor => {
      const [a, b] = [fresh().exp(), fresh().sin()];
      if (linked) {
        const link = new Variable(b.add(a));
        link.assign(0);
      }
      new Variable(b.mul(2));
      new Variable(a.mul(3));
      new Variable(a.add(4));
      new Variable(b.add(5));
      return a.add(b);
    };
    expect(await programsOf(() => build(false).data())).toBe(1);
    expect(await programsOf(() => build(true).data())).toBe(0);
  });

  it("is not what shares a single number, unless it is a number", async () => {
    const generator = new Generator(2);
    const [a, b] = [1, 2].map(() => new Variable(generator.normal([extent])));
    expect(await programsOf(() => a.data())).toBe(1);
    expect(await programsOf(() => generator.counter.data())).toBe(0);
    expect(await programsOf(() => b.data())).toBe(1);
  });

  it("is not what belongs to another context", async () => {
    const shared = fresh().exp();
    const other = new Context({ device: "interp" });
    const elsewhere = withContext(other, () => new Variable(shared.mul(2)));
    await shared.data();
    expect(other.programs.size).toBe(0);
    expect((await elsewhere.data())[0]).toBeCloseTo(Math.exp(3) * 2);
    expect(other.programs.size).toBe(1);
  });
});

describe("gradients", () => {
  const parameters = () => Array.from({ length: 20 }, (_, i) => new Parameter(fresh().add(i)));
  const values = (count: number) => Array.from({ length: count }, (_, i) => 2 * (3 + i));

  it("that backward leaves are computed together", async () => {
    const all = parameters();
    await realize(...all);
    concat(all).square().sum().backward();
    const found: number[] = [];
    const programs = await programsOf(async () => {
      for (const { grad: g } of all) found.push((await g?.data())?.[0] ?? Number.NaN);
    });
    expect(programs).toBe(1);
    expect(found).toEqual(values(20));
  });

  it("that grad returns are computed together", async () => {
    const all = parameters();
    await realize(...all);
    const found: number[] = [];
    const programs = await programsOf(async () => {
      for (const g of grad(concat(all).square().sum(), all)) found.push((await g.data())[0]);
    });
    expect(programs).toBe(1);
    expect(found).toEqual(values(20));
  });

  it("are computed with the loss, so that a step after reading it does not repeat the forward pass", async () => {
    const weight = new Parameter(fresh());
    await realize(weight);
    const loss = weight.exp().sum();
    loss.backward();
    await loss.data();
    expect(await programsOf(async () => weight.grad?.data())).toBe(0);
    expect((await weight.grad?.data())?.[0]).toBeCloseTo(Math.exp(3), 4);
  });

  it("that were dropped are not", async () => {
    const weight = new Parameter(fresh());
    await realize(weight);
    const loss = weight.exp().sum();
    const read = async (): Promise<number> => (await loss.add(1).data())[0];
    expect(await programsOf(read)).toBe(1);
    loss.backward();
    weight.grad = null;
    expect(await programsOf(read)).toBe(0);
  });
});
