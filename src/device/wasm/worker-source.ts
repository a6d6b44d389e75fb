/**
 * The code of the pool's threads, as text, because a text can be started in the same way under Node, in a page, from
 * sources and from a bundle. It uses `send` and `receive` of host.ts. Must not know what kernels compute.
 *
 * Protocol: the steps of a program run one after the other. `inside` counts the threads in the current step and is -1
 * while the step is closed. A thread enters an open step, claims tasks until none is left, and leaves. No thread leaves
 * before all tasks are claimed, so the step is complete when the last thread has left; that thread closes the step and
 * opens the next one. A step cannot change while a thread is inside, so a thread that slept through any number of steps
 * never runs a task of the wrong step.
 */

/** Words of the control block, which the threads and the pool share. */
export const CONTROL = {
  /** Event counter: changes whenever a step opens or an update is posted. Threads sleep on it. */
  epoch: 0,
  program: 1,
  step: 2,
  /** Claimed tasks of the current step; may exceed the number of tasks. */
  claimed: 3,
  /** Threads in the current step; -1 while it is closed. */
  inside: 4,
  /** Threads that sleep on `epoch`. */
  sleeping: 5,
  /** Updates posted to every thread so far. */
  posted: 6,
  /** Threads that have processed the last update. */
  received: 7,
  /** 1 if a task of this run failed. */
  failed: 8,
  /** 1 from the opening of the first step to the closing of the last. */
  running: 9,
} as const;

/** Bytes of the control block. */
export const CONTROL_BYTES = 64;

export const WORKER_SOURCE = `"use strict";
const { ${Object.keys(CONTROL).join(", ")} } = ${JSON.stringify(CONTROL)};
// Within a run, a thread spins shortly for the next step: on a busy machine, spinning takes time from the thread that
// it waits for. After a run it spins longer, because the next run follows soon and waking a thread takes long.
const STEP_SPIN_MS = 0.1;
const IDLE_SPIN_MS = 2;
let control, memory, threads, scratch;
let updates = 0;
let seen = 0;
const kernels = new Map();
const programs = new Map();
const now = () => performance.timeOrigin + performance.now();

// Returns when the event counter has changed.
function waitForEpoch() {
  const begin = performance.now();
  do {
    for (let i = 0; i < 500; i++) if (Atomics.load(control, epoch) !== seen) return;
  } while (performance.now() - begin < (Atomics.load(control, running) ? STEP_SPIN_MS : IDLE_SPIN_MS));
  Atomics.add(control, sleeping, 1);
  Atomics.wait(control, epoch, seen);
  Atomics.sub(control, sleeping, 1);
}

function advanceEpoch() {
  seen = Atomics.add(control, epoch, 1) + 1 | 0;
  if (Atomics.load(control, sleeping) > 0) Atomics.notify(control, epoch);
}

function enter() {
  for (;;) {
    const before = Atomics.load(control, inside);
    if (before < 0) return false;
    if (Atomics.compareExchange(control, inside, before, before + 1) === before) return true;
  }
}

// Claims and runs tasks until none is left: large chunks first, single tasks at the end.
function runTasks(words, times, at) {
  const kernel = kernels.get(words[at * 3]);
  const table = words[at * 3 + 1];
  const tasks = words[at * 3 + 2];
  for (;;) {
    const open = tasks - Atomics.load(control, claimed);
    if (open <= 0) return;
    const chunk = Math.max(1, Math.floor(open / (4 * threads)));
    const first = Atomics.add(control, claimed, chunk);
    if (first >= tasks) return;
    if (times && first === 0) times[at * 2] = now();
    try {
      kernel(table, first, Math.min(tasks, first + chunk), scratch);
    } catch (error) {
      Atomics.store(control, claimed, tasks);
      if (Atomics.exchange(control, failed, 1) === 0) send({ failed: String(error), step: at });
    }
  }
}

// Works on the open step, and on the following ones for as long as this thread is the one that opens them.
function runSteps() {
  if (!enter()) return;
  for (;;) {
    let { words, times } = programs.get(Atomics.load(control, program));
    let at = Atomics.load(control, step);
    seen = Atomics.load(control, epoch);
    runTasks(words, times, at);
    if (Atomics.sub(control, inside, 1) !== 1) return;
    // A thread that entered since then finds no tasks and closes the step in its turn.
    if (Atomics.compareExchange(control, inside, 0, -1) !== 0) return;
    // This thread has closed the step, but it may be a later step than the one it left: other threads may have opened
    // and finished steps in between. If the step still has unclaimed tasks, it was just opened, so it is reopened.
    ({ words, times } = programs.get(Atomics.load(control, program)));
    at = Atomics.load(control, step);
    if (Atomics.load(control, claimed) >= words[at * 3 + 2]) {
      if (times) times[at * 2 + 1] = now();
      if (at + 1 === words.length / 3 || Atomics.load(control, failed)) {
        Atomics.store(control, running, 0);
        send({ done: true });
        return;
      }
      Atomics.store(control, claimed, 0);
      Atomics.store(control, step, at + 1);
    }
    Atomics.store(control, inside, 1);
    advanceEpoch();
  }
}

receive((update) => {
  if (update.control) ({ control, memory, threads } = update);
  if (update.scratch) scratch = update.scratch;
  for (const id of update.dropped.kernels) kernels.delete(id);
  for (const id of update.dropped.programs) programs.delete(id);
  for (const [id, module] of update.kernels) {
    kernels.set(id, new WebAssembly.Instance(module, { fovea: { memory } }).exports.kernel);
  }
  for (const [id, program] of update.programs) programs.set(id, program);
  updates++;
  seen = Atomics.load(control, epoch);
  if (Atomics.add(control, received, 1) + 1 === threads) send({ done: true });
  // Updates are posted only between runs, and a run starts only when all threads have received them: none is missed.
  while (Atomics.load(control, posted) === updates) {
    if (Atomics.load(control, epoch) === seen) waitForEpoch();
    else {
      seen = Atomics.load(control, epoch);
      if (Atomics.load(control, posted) === updates) runSteps();
    }
  }
});
`;
