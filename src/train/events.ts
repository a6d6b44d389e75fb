/**
 * The events of a training run: one discriminated union, all that a progress bar, a log or a dashboard reads. Every
 * event is plain data and can be written as one line of JSON.
 */

/** Mean loss and accuracy (0 to 1) over a whole data set. */
export interface Score {
  readonly loss: number;
  readonly accuracy: number;
  /** Number of samples. */
  readonly count: number;
}

/** Why a run ended: all epochs are done, or its abort signal fired. */
export type StopReason = "completed" | "interrupted";

/** Progress of decoding a folder of images before the run starts; absent when the pixel cache holds them. */
export interface DecodeEvent {
  readonly event: "decode";
  /** Files decoded so far. */
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
}

/** The position of a run between two steps. */
export interface Position {
  /** Number of finished epochs. */
  readonly epoch: number;
  /** Number of finished steps, over all epochs. */
  readonly step: number;
}

/** Sent once, before the first step. */
export interface StartEvent {
  readonly event: "start";
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  readonly trainSamples: number;
  readonly testSamples: number;
  /** Number of elements of all trainable parameters. */
  readonly parameters: number;
  /** The checkpoint's position, if the run is resumed; absent for a new run. */
  readonly from?: Position;
}

/** Sent for each step; events arrive in bursts, because losses are read back several at a time. */
export interface StepEvent {
  readonly event: "step";
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Number of the step, from 1, over all epochs. */
  readonly step: number;
  readonly loss: number;
  /** Accuracy on the batch, 0 to 1. */
  readonly accuracy: number;
  readonly lr: number;
  /** Share of the epoch so far in which the model waited for data, 0 to 1. */
  readonly waiting: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Sent after each epoch. */
export interface EpochEvent {
  readonly event: "epoch";
  readonly epoch: number;
  readonly step: number;
  /** Mean training loss of the epoch; the weights changed between its batches. */
  readonly loss: number;
  readonly accuracy: number;
  readonly validation?: Score;
  readonly seconds: number;
  /** Share of the time of its steps in which the model waited for data, 0 to 1. */
  readonly waiting: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** A warning, which does not end the run. */
export interface WarningEvent {
  readonly event: "warning";
  readonly message: string;
}

/** Sent after the model was saved. */
export interface CheckpointEvent {
  readonly event: "checkpoint";
  readonly epoch: number;
  readonly step: number;
  readonly path: string;
}

/** Sent once, at the end of the run. */
export interface DoneEvent {
  readonly event: "done";
  /** Accuracy on the test set, 0 to 1; absent without a test set and after an interruption. */
  readonly testAccuracy?: number;
  readonly testLoss?: number;
  /** Training time, summed over all sessions of a resumed run. */
  readonly trainSeconds: number;
  /** The run folder, if there is one. */
  readonly run?: string;
  readonly epochs: number;
  readonly steps: number;
  readonly stopped: StopReason;
}

/** Any event of a training run. */
export type TrainEvent = DecodeEvent | StartEvent | StepEvent | EpochEvent | WarningEvent | CheckpointEvent | DoneEvent;
