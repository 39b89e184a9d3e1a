/**
 * Gaussian noise as a pure function of (seed, attempt, draw, position): the counter-based generator Philox4x32-10 of
 * Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (constants and test vectors:
 * Random123 1.09), followed by the Box–Muller transform. No state, so the noise of one image never depends on what was
 * drawn before it.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** Key increments: golden ratio and √3 − 1 as 32-bit fractions. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_PI = 2 * Math.PI;
const U32 = 2 ** 32;

/** Upper 32 bits of the 64-bit product of two u32. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  return (aHigh * bHigh + (middle >>> 16) + (((middle & 0xffff) + aLow * bHigh) >>> 16)) >>> 0;
}

/**
 * One Philox4x32-10 block: `block` holds the counter (4 × u32) and is overwritten with 4 random u32.
 *
 * @param key0 u32
 * @param key1 u32
 */
export function philox4x32(block: Uint32Array, key0: number, key1: number): void {
  let c0 = block[0]!;
  let c1 = block[1]!;
  let c2 = block[2]!;
  let c3 = block[3]!;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** Which noise is meant. */
export interface NoiseAddress {
  /** u32 seed of the image. */
  readonly seed: number;
  /** 0 for the first try of an image; a redraw takes the next. */
  readonly attempt: number;
  /** 0 = the noise a run starts from; k + 1 = what is added in step k. */
  readonly draw: number;
}

/**
 * Fills `out` with independent N(0, 1) values: position i is word pair i mod 4 of block ⌊i / 4⌋ with
 * counter (block, draw, attempt, 0) and key (seed, 0); uniforms are (word + ½)/2³², so log never sees 0.
 */
export function fillNormals(out: Float32Array, address: NoiseAddress): void {
  const block = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    block[0] = i / 4;
    block[1] = address.draw;
    block[2] = address.attempt;
    block[3] = 0;
    philox4x32(block, address.seed, 0);
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((block[pair]! + 0.5) / U32));
      const angle = (TWO_PI * (block[pair + 1]! + 0.5)) / U32;
      // Writes beyond the end of a typed array are ignored, which is what a length not divisible by 4 needs.
      out[i + pair] = radius * Math.cos(angle);
      out[i + pair + 1] = radius * Math.sin(angle);
    }
  }
}
