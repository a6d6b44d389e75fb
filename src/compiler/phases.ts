/**
 * Finds the steps of a program that may run concurrently: consecutive steps, none of which reads or overwrites memory
 * that another writes. It knows the memory of buffers alone, and must not know what steps compute.
 */

/** A range of memory that a step reads or writes; ranges of different spaces never overlap. */
export interface Access {
  readonly space: string;
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
}

/** Whether two accesses of one space conflict: they overlap, and one of them writes. */
const collide = (a: Access, b: Access): boolean => (a.writes || b.writes) && a.from < b.to && b.from < a.to;

/**
 * Most accesses of concurrent steps: a further step waits, so that each is compared with a bounded number of others.
 */
const MAX_CONCURRENT = 1024;

/** For each step, whether it waits for all earlier ones; the others run concurrently with those since the last wait. */
export function waitingSteps(steps: readonly (readonly Access[])[]): boolean[] {
  let beside = new Map<string, Access[]>();
  let count = 0;
  return steps.map((accesses, i) => {
    const collides = accesses.some((a) => beside.get(a.space)?.some((b) => collide(a, b)));
    const waits = i === 0 || count > MAX_CONCURRENT || collides;
    if (waits) {
      beside = new Map();
      count = 0;
    }
    for (const access of accesses) {
      const known = beside.get(access.space);
      if (known) known.push(access);
      else beside.set(access.space, [access]);
    }
    count += accesses.length;
    return waits;
  });
}
