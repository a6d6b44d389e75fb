/** A queue of asynchronous jobs that run one after the other. */

export class SerialQueue {
  private tail: Promise<unknown> = Promise.resolve();

  /** Runs a job after all earlier jobs have ended, whether they succeeded or failed. */
  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all jobs so far have ended. */
  async idle(): Promise<void> {
    await this.tail;
  }
}
