/** What a JavaScript peer offers to serve.ts. It knows no library. */
import type { Work } from "../work.js";

/** Work that is set up. */
export interface Call {
  /** Runs `repeats` times and comes back when everything is computed. */
  readonly run: () => Promise<void>;
  /** Operations in one run, which share its time. Default 1. */
  readonly repeats?: number;
  /** Mean magnitudes of what the last run computed, in the order of the Python side. */
  readonly checks: () => Promise<number[]>;
}

/** A library with its device open. */
export interface Side {
  readonly version: string;
  /** Throws where the library cannot do the work. */
  readonly setup: (work: Work) => Promise<Call>;
}

/** How a library is opened. */
export interface SideOptions {
  /** The folder `bench` of the repository, with the peers' node_modules. */
  readonly bench: string;
  readonly threads: number;
}
