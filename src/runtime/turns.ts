/** Jobs that run one after the other. Knows nothing of what they do. */

export class Turns {
  private tail: Promise<unknown> = Promise.resolve();

  /** Runs a job when all jobs that were given before have ended, whether they succeeded or not. */
  take<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all jobs given so far have ended. */
  async ended(): Promise<void> {
    await this.tail;
  }
}
