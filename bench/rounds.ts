/**
 * Alternating measurement: every contestant gets its turn in every round, so that a slow minute of the machine falls on
 * all of them. Watches what else used the processors meanwhile. It knows nothing of what a contestant does.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./report.js";

/** One side of a comparison. */
export interface Contestant {
  readonly name: string;
  /** Which process does the work: ours or the peer's. */
  readonly side: "ours" | "peer";
  /** Runs `steps` repetitions and gives the milliseconds of each. */
  readonly run: (steps: number) => Promise<number[]>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** About how long one turn lasts. */
  readonly turnMs: number;
  /** No round begins after so long, but for the first few. Default: no limit. */
  readonly budgetMs?: number;
  /** A contestant whose repetition takes longer has its turn in two rounds only. Default 2000. */
  readonly slowMs?: number;
  /** Processor milliseconds that the peer's processes have used so far. */
  readonly peerCpuMs?: () => number;
  /** Called before every turn, when both sides are idle. */
  readonly beforeTurn?: (contestant: Contestant) => Promise<void>;
  /** Called behind every turn. */
  readonly afterTurn?: (contestant: Contestant) => Promise<void>;
}

export interface RoundResult {
  /** Median milliseconds of each contestant over all rounds, by name; a peer that failed has none. */
  readonly medianMs: ReadonlyMap<string, number>;
  /** Median milliseconds of each contestant in each round. */
  readonly roundMs: ReadonlyMap<string, readonly number[]>;
  /** Repetitions behind each median, where slowness left fewer than others have. */
  readonly fewSteps: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Long enough for our workers to stop spinning and go to sleep; the peer is stopped. */
const SETTLE_MS = 50;
const MIN_STEPS = 3;
const MAX_STEPS = 400;
/** A repetition that takes this long has no need of a warm-up or of company in its turn. */
const LONG_MS = 800;
/** And one that takes this long not even of many rounds. */
const SLOW_MS = 2000;
const SLOW_ROUNDS = 2;
/** Rounds that are run however long they take. */
const MIN_ROUNDS = 3;
/** Shares of the processors' time above which a reader is told. */
const IDLE_SIDE_LIMIT = 0.02;
const OTHERS_LIMIT = 0.05;

/**
 * Times all contestants in turns; the first step of a turn warms up and is not counted. Contestants with long steps have
 * turns of a single one, slow ones in the first rounds only.
 */
export async function alternate(contestants: readonly Contestant[], options: RoundOptions): Promise<RoundResult> {
  const times = new Map<string, number[][]>(contestants.map(({ name }) => [name, []]));
  const steps = new Map<string, number>();
  const fewSteps = new Map<string, number>();
  const failures: string[] = [];
  /** Times of a turn; null for a peer that fails, which has no more turns. A failure of our side ends the benchmark. */
  const turn = async ({ name, side, run }: Contestant, count: number): Promise<number[] | null> => {
    try {
      return await run(count);
    } catch (error) {
      if (side === "ours") throw error;
      times.delete(name);
      failures.push(`${name} is left out: ${error instanceof Error ? error.message : error}`);
      return null;
    }
  };
  const { budgetMs = Number.POSITIVE_INFINITY, slowMs = SLOW_MS } = options;
  for (const contestant of contestants) {
    const { name } = contestant;
    const first = await turn(contestant, 1);
    if (!first) continue;
    const [firstMs] = first;
    if (firstMs > slowMs) fewSteps.set(name, Math.min(SLOW_ROUNDS, options.rounds));
    if (firstMs > Math.min(LONG_MS, slowMs)) continue;
    const more = await turn(contestant, MIN_STEPS - 1);
    if (!more) continue;
    const fitting = Math.ceil(options.turnMs / median(more));
    steps.set(name, 1 + Math.min(MAX_STEPS, Math.max(MIN_STEPS, fitting)));
  }
  const watch = new Watch(options.peerCpuMs);
  const begin = performance.now();
  for (let round = 0; round < options.rounds; round++) {
    if (round >= MIN_ROUNDS && performance.now() - begin > budgetMs) break;
    for (const contestant of contestants) {
      const { name, side } = contestant;
      if (!times.has(name) || round >= (fewSteps.get(name) ?? options.rounds)) continue;
      await options.beforeTurn?.(contestant);
      await sleep(SETTLE_MS);
      watch.begin();
      const ms = await turn(contestant, steps.get(name) ?? 1);
      watch.end(side);
      await options.afterTurn?.(contestant);
      if (ms) times.get(name)?.push(steps.has(name) ? ms.slice(1) : ms);
    }
  }
  const medianMs = new Map<string, number>();
  const roundMs = new Map<string, readonly number[]>();
  for (const [name, rounds] of times) {
    medianMs.set(name, median(rounds.flat()));
    roundMs.set(name, rounds.map(median));
  }
  return { medianMs, roundMs, fewSteps, notes: [...failures, ...watch.notes()] };
}

interface Sample {
  readonly wallMs: number;
  readonly ours: number;
  readonly peer: number;
  readonly machine: number | undefined;
}

/** Adds up, over the turns, what the side that had to be idle and what other programs used. */
class Watch {
  readonly #peerCpuMs: () => number;
  #start: Sample | undefined;
  #wallMs = 0;
  #idleSideMs = 0;
  #othersMs = 0;

  constructor(peerCpuMs: (() => number) | undefined) {
    this.#peerCpuMs = peerCpuMs ?? (() => 0);
  }

  begin(): void {
    this.#start = this.#sample();
  }

  end(side: Contestant["side"]): void {
    const [from, to] = [this.#start!, this.#sample()];
    this.#wallMs += to.wallMs - from.wallMs;
    const [ours, peer] = [to.ours - from.ours, to.peer - from.peer];
    this.#idleSideMs += side === "ours" ? peer : ours;
    if (to.machine !== undefined && from.machine !== undefined) {
      this.#othersMs += to.machine - from.machine - ours - peer;
    }
  }

  notes(): string[] {
    const capacity = this.#wallMs * cpus().length;
    const percent = (ms: number) => `${((100 * ms) / capacity).toFixed(1)} %`;
    const notes: string[] = [];
    if (this.#idleSideMs > IDLE_SIDE_LIMIT * capacity) {
      notes.push(`the side that had to wait used ${percent(this.#idleSideMs)} of the processors in the other's turns`);
    }
    if (this.#othersMs > OTHERS_LIMIT * capacity) {
      notes.push(
        `other programs or the host took ${percent(this.#othersMs)} of the processors: repeat on a quiet machine`,
      );
    }
    return notes;
  }

  #sample(): Sample {
    const { user, system } = process.cpuUsage();
    const ours = (user + system) / 1000;
    return { wallMs: performance.now(), ours, peer: this.#peerCpuMs(), machine: machineCpuMs() };
  }
}

/** Processor time that all programs, and the host in our name, have used since the machine started; Linux only. */
function machineCpuMs(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const ticks = user + nice + system + irq + softirq + steal;
  return ticks * 10; // a tick is 1/100 s on every Linux that Node runs on
}
