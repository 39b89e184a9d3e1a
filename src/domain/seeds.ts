const U32 = 2 ** 32;

/** Seed of image `index` of a batch: (seed + index) mod 2³², so that it equals the single run with that seed. */
export function seedOfImage(seed: number, index: number): number {
  return (seed + index) % U32;
}

/** A seed nobody chose, u32. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
