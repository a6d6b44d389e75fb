/**
 * Which steps of a program may run side by side: those that follow one another, none of which needs or replaces what
 * another one makes. Knows where buffers lie, and nothing of what steps compute.
 */

/** A part of memory that a step reads or writes: places in different spaces are never the same. */
export interface Access {
  readonly space: string;
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
}

/** Whether two accesses of one space must not happen at once. */
const collide = (a: Access, b: Access): boolean => (a.writes || b.writes) && a.from < b.to && b.from < a.to;

/** Accesses of steps side by side: a step beyond waits, so that each is compared with a bounded number of others. */
const MOST_BESIDE = 1024;

/** For each step, whether it must wait for all before it: the others may run beside those since the last that waited. */
export function waitingSteps(steps: readonly (readonly Access[])[]): boolean[] {
  let beside = new Map<string, Access[]>();
  let count = 0;
  return steps.map((accesses, i) => {
    const collides = accesses.some((a) => beside.get(a.space)?.some((b) => collide(a, b)));
    const waits = i === 0 || count > MOST_BESIDE || collides;
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
