/** What rounding did to a tensor, gathered group by group (rows or blocks that share a scale). */
export class RoundingError {
  #squaredError = 0;
  #squares = 0;
  #weights = 0;
  #groups = 0;
  #worst = { group: 0, meanSquare: 0 };

  /** Σ(w − ŵ)² and Σw² over one group of `weights` values. */
  add(squaredError: number, squares: number, weights: number): void {
    this.#squaredError += squaredError;
    this.#squares += squares;
    this.#weights += weights;
    const meanSquare = squaredError / weights;
    if (meanSquare > this.#worst.meanSquare) this.#worst = { group: this.#groups, meanSquare };
    this.#groups += 1;
  }

  /** Appends what the following rows of the same tensor gave. */
  append(next: RoundingError): void {
    if (next.#worst.meanSquare > this.#worst.meanSquare) {
      this.#worst = { group: this.#groups + next.#worst.group, meanSquare: next.#worst.meanSquare };
    }
    this.#squaredError += next.#squaredError;
    this.#squares += next.#squares;
    this.#weights += next.#weights;
    this.#groups += next.#groups;
  }

  get weights(): number {
    return this.#weights;
  }

  get squaredError(): number {
    return this.#squaredError;
  }

  get squares(): number {
    return this.#squares;
  }

  /** Root mean square of the error over that of the weights; 0 where all weights are zero. */
  get relative(): number {
    return this.#squares === 0 ? 0 : Math.sqrt(this.#squaredError / this.#squares);
  }

  /** The group with the largest mean square error, as `relative` is measured: over the whole tensor's weights. */
  get worst(): { readonly group: number; readonly relative: number } {
    const meanSquare = this.#squares / this.#weights;
    const relative = this.#squares === 0 ? 0 : Math.sqrt(this.#worst.meanSquare / meanSquare);
    return { group: this.#worst.group, relative };
  }
}
