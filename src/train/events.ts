/**
 * What a training run tells while it works: one discriminated union, the only thing that a progress bar, a log or a
 * dashboard needs to know. Every event is plain data and can be written as one line of JSON.
 */

/** Loss and share of right answers (0 to 1) over a whole data set. */
export interface Score {
  readonly loss: number;
  readonly accuracy: number;
  /** Number of samples. */
  readonly count: number;
}

/** Why a run ended: all epochs done, or asked to stop. */
export type StopReason = "completed" | "interrupted";

/** While images of a folder are decoded, before the run starts; never when the cache has them. */
export interface DecodeEvent {
  readonly event: "decode";
  /** Files so far. */
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
}

/** Where a run stands. */
export interface Position {
  /** Epochs finished. */
  readonly epoch: number;
  /** Steps finished, over all epochs. */
  readonly step: number;
}

/** Before the first step. */
export interface StartEvent {
  readonly event: "start";
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  readonly trainSamples: number;
  readonly testSamples: number;
  /** Number of trained values. */
  readonly parameters: number;
  /** Where a run that was stopped goes on; absent for a new one. */
  readonly from?: Position;
}

/** After each step; they come in bursts, because losses are read back several at a time. */
export interface StepEvent {
  readonly event: "step";
  /** From 1. */
  readonly epoch: number;
  /** From 1, over all epochs. */
  readonly step: number;
  readonly loss: number;
  /** Share of right answers in the batch, 0 to 1. */
  readonly accuracy: number;
  readonly lr: number;
  /** Share of the epoch so far in which the model waited for data, 0 to 1. */
  readonly waiting: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** After each epoch. */
export interface EpochEvent {
  readonly event: "epoch";
  readonly epoch: number;
  readonly step: number;
  /** Mean over the batches of the epoch, as they were trained on. */
  readonly loss: number;
  readonly accuracy: number;
  readonly validation?: Score;
  readonly seconds: number;
  /** Share of the time of its steps in which the model waited for data, 0 to 1. */
  readonly waiting: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Something that the user should know and that does not stop the run. */
export interface WarningEvent {
  readonly event: "warning";
  readonly message: string;
}

/** The model was saved. */
export interface CheckpointEvent {
  readonly event: "checkpoint";
  readonly epoch: number;
  readonly step: number;
  readonly path: string;
}

/** The end of the run. */
export interface DoneEvent {
  readonly event: "done";
  /** Share of right answers on the test set, 0 to 1; absent without a test set and after an interruption. */
  readonly testAccuracy?: number;
  readonly testLoss?: number;
  /** Of all parts together, if the run was stopped and went on. */
  readonly trainSeconds: number;
  /** The run folder, if there is one. */
  readonly run?: string;
  readonly epochs: number;
  readonly steps: number;
  readonly stopped: StopReason;
}

/** Everything that a run tells. */
export type TrainEvent = DecodeEvent | StartEvent | StepEvent | EpochEvent | WarningEvent | CheckpointEvent | DoneEvent;
