// A few requests at a time; those whose row has scrolled away are never made.
class Queue {
  #waiting: { run: () => Promise<void>; signal: AbortSignal }[] = [];
  #running = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }
  add(run: () => Promise<void>, signal: AbortSignal): void {
    this.#waiting.push({ run, signal });
    this.#next();
  }
  #next(): void {
    while (this.#running < this.#most) {
      const job = this.#waiting.shift();
      if (!job) return;
      if (job.signal.aborted) continue;
      this.#running++;
      void job.run().finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}
export const queue = new Queue(4);
