/** Past speed counts for half after so long. */
const HALF_LIFE_MS = 8_000;
/** No answer before there is so much to go by: the first chunks of several connections arrive in one burst. */
const LEAST_MS = 2_000;
const LEAST_CHUNKS = 4;
/** Silence of so many usual gaps makes the speed a thing of the past. */
const SILENT_GAPS = 8;

/** How long a download will still take, by the exponentially weighted average of its speed. */
export class TimeLeft {
  readonly #begin: number;
  #last: number;
  #chunks = 0;
  #bytes = 0;
  #ms = 0;

  /** Times are milliseconds of one clock. */
  constructor(now: number) {
    this.#begin = now;
    this.#last = now;
  }

  /** So many more bytes are verified. */
  add(bytes: number, now: number): void {
    const passed = now - this.#last;
    const kept = 0.5 ** (passed / HALF_LIFE_MS);
    this.#bytes = this.#bytes * kept + bytes;
    this.#ms = this.#ms * kept + passed;
    this.#chunks += 1;
    this.#last = now;
  }

  /** Milliseconds for so many bytes; null as long as it would be a guess. */
  estimate(bytesLeft: number, now: number): number | null {
    if (bytesLeft === 0) return 0;
    if (this.#chunks < LEAST_CHUNKS || this.#last - this.#begin < LEAST_MS) return null;
    const usualGap = (this.#last - this.#begin) / this.#chunks;
    if (now - this.#last > SILENT_GAPS * usualGap) return null;
    return (bytesLeft * this.#ms) / this.#bytes;
  }
}
