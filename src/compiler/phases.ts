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

const collide = (a: Access, b: Access): boolean =>
  (a.writes || b.writes) && a.space === b.space && a.from < b.to && b.from < a.to;

/** For each step, whether it must wait for all before it: the others may run beside those since the last that waited. */
export function waitingSteps(steps: readonly (readonly Access[])[]): boolean[] {
  let beside: Access[] = [];
  return steps.map((accesses, i) => {
    const waits = i === 0 || accesses.some((a) => beside.some((b) => collide(a, b)));
    beside = waits ? [...accesses] : [...beside, ...accesses];
    return waits;
  });
}
