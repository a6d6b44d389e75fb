/**
 * What the threads of the pool run, as text: the one form in which a thread starts the same way under Node, in a page,
 * from sources and from a bundle. It has `send` and `receive` of host.ts, and knows nothing of what kernels compute.
 *
 * Steps of a program run one after the other. A gate stands before each: a thread goes in while the gate is open, claims
 * tasks until none is left, and goes out. Nobody leaves before all tasks are claimed, so when the last one is out the
 * step is done: it shuts the gate, and opens it for the next step. Since a step lasts while anybody is inside, a thread
 * that slept through any number of steps can never take a task of the wrong one.
 */

/** Words of the control block, which the threads and the pool share. */
export const CONTROL = {
  /** Changes whenever there is something new: a step, or mail. Threads sleep on it. */
  news: 0,
  program: 1,
  step: 2,
  /** Tasks of the step that were claimed; may pass their number. */
  claimed: 3,
  /** Threads at work on the step; -1 while the gate is shut. */
  inside: 4,
  asleep: 5,
  /** Letters posted to every thread so far. */
  mail: 6,
  /** Threads that have read the last letter. */
  read: 7,
  /** 1 when a task of this run failed. */
  failed: 8,
  /** 1 from the opening of the first gate until the last is shut. */
  running: 9,
} as const;

/** Bytes of the control block. */
export const CONTROL_BYTES = 64;

export const WORKER_SOURCE = `"use strict";
const { ${Object.keys(CONTROL).join(", ")} } = ${JSON.stringify(CONTROL)};
// Within a run, a thread waits awake for the next step, but not for long: on a busy machine, the time that it burns is
// missed by the thread that it waits for. After a run it stays awake longer: the next one comes soon, waking takes long.
const WAIT_MS = 0.1;
const LINGER_MS = 2;
let control, memory, threads, scratch;
let letters = 0;
let seen = 0;
const kernels = new Map();
const programs = new Map();
const now = () => performance.timeOrigin + performance.now();

// Returns when there is news.
function rest() {
  const begin = performance.now();
  do {
    for (let i = 0; i < 500; i++) if (Atomics.load(control, news) !== seen) return;
  } while (performance.now() - begin < (Atomics.load(control, running) ? WAIT_MS : LINGER_MS));
  Atomics.add(control, asleep, 1);
  Atomics.wait(control, news, seen);
  Atomics.sub(control, asleep, 1);
}

function announce() {
  seen = Atomics.add(control, news, 1) + 1 | 0;
  if (Atomics.load(control, asleep) > 0) Atomics.notify(control, news);
}

function enter() {
  for (;;) {
    const before = Atomics.load(control, inside);
    if (before < 0) return false;
    if (Atomics.compareExchange(control, inside, before, before + 1) === before) return true;
  }
}

// Claims and runs tasks until none is left: large pieces first, single tasks at the end.
function share(words, times, at) {
  const kernel = kernels.get(words[at * 3]);
  const table = words[at * 3 + 1];
  const tasks = words[at * 3 + 2];
  for (;;) {
    const open = tasks - Atomics.load(control, claimed);
    if (open <= 0) return;
    const piece = Math.max(1, Math.floor(open / (4 * threads)));
    const first = Atomics.add(control, claimed, piece);
    if (first >= tasks) return;
    if (times && first === 0) times[at * 2] = now();
    try {
      kernel(table, first, Math.min(tasks, first + piece), scratch);
    } catch (error) {
      Atomics.store(control, claimed, tasks);
      if (Atomics.exchange(control, failed, 1) === 0) send({ failed: String(error), step: at });
    }
  }
}

// Works on the step that is open, and on all that follow it for as long as this thread is the one to open them.
function work() {
  if (!enter()) return;
  for (;;) {
    let { words, times } = programs.get(Atomics.load(control, program));
    let at = Atomics.load(control, step);
    seen = Atomics.load(control, news);
    share(words, times, at);
    if (Atomics.sub(control, inside, 1) !== 1) return;
    // Whoever came in since then finds nothing to do and tries the same.
    if (Atomics.compareExchange(control, inside, 0, -1) !== 0) return;
    // This thread is alone now, but maybe at a later step than it left: others may have been in and out before the gate
    // was shut. A step with open tasks has just been opened by somebody, so it is opened again.
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
    announce();
  }
}

receive((letter) => {
  if (letter.control) ({ control, memory, threads } = letter);
  if (letter.scratch) scratch = letter.scratch;
  for (const id of letter.dropped.kernels) kernels.delete(id);
  for (const id of letter.dropped.programs) programs.delete(id);
  for (const [id, module] of letter.kernels) {
    kernels.set(id, new WebAssembly.Instance(module, { fovea: { memory } }).exports.kernel);
  }
  for (const [id, program] of letter.programs) programs.set(id, program);
  letters++;
  seen = Atomics.load(control, news);
  if (Atomics.add(control, read, 1) + 1 === threads) send({ done: true });
  // Letters are posted only between runs, and a run begins only when everybody has read: none is missed here.
  while (Atomics.load(control, mail) === letters) {
    if (Atomics.load(control, news) === seen) rest();
    else {
      seen = Atomics.load(control, news);
      if (Atomics.load(control, mail) === letters) work();
    }
  }
});
`;
