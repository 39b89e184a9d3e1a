/** The places that have the same files: one base URL and its mirrors. */
import type { AppError } from '../domain/errors.ts';

export interface Source {
  readonly base: string;
  /** Why nothing more is asked of it. */
  failure: AppError | null;
  /** Whether it answers ranges; null until it has answered one. */
  ranges: boolean | null;
  /** Whole files it sent for ranges so far. */
  ignored: number;
}

/** A place that sent a range once can; one that ignored so many before it sent any cannot. */
const IGNORED_LIMIT = 4;

export class Sources {
  readonly #all: readonly Source[];
  /** The one that answered last: a place that is gone is not asked first for every chunk. */
  #preferred: Source | null = null;

  constructor(bases: readonly string[]) {
    this.#all = bases.map((base) => ({ base, failure: null, ranges: null, ignored: 0 }));
  }

  /** In turn, so that another attempt asks another place; null when all have failed for good. */
  pick(attempt: number): Source | null {
    const usable = this.#all.filter(({ failure }) => failure === null);
    const first = this.#preferred === null ? 0 : Math.max(0, usable.indexOf(this.#preferred));
    return usable[(first + attempt) % usable.length] ?? null;
  }

  /** The first failure for good. */
  failure(): AppError | null {
    return this.#all.find(({ failure }) => failure !== null)?.failure ?? null;
  }

  answered(source: Source): void {
    this.#preferred = source;
  }

  gaveRange(source: Source): void {
    source.ranges = true;
  }

  ignoredRange(source: Source): void {
    source.ignored += 1;
    if (source.ranges === null && source.ignored >= IGNORED_LIMIT) source.ranges = false;
  }
}
