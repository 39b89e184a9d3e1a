import { describe, expect, it } from 'vitest';
import { fillNormals, philox4x32 } from '../../../src/pipeline/random.ts';

describe('philox4x32', () => {
  // Random123 1.09, kat_vectors, "philox4x32 10".
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('counter %j key %j', (counter, key, expected) => {
    const block = Uint32Array.from(counter);
    philox4x32(block, key[0]!, key[1]!);
    expect([...block]).toEqual(expected);
  });
});

describe('fillNormals', () => {
  const draw = (length: number, seed: number, attempt = 0, draw = 0): Float32Array => {
    const out = new Float32Array(length);
    fillNormals(out, { seed, attempt, draw });
    return out;
  };

  it('has the moments of N(0, 1)', () => {
    const count = 200_000;
    const values = draw(count, 7);
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
    // Five standard errors: √(1/n), √(2/n), √(15/n), √(96/n).
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / count));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
  });

  it('depends on seed, attempt and draw, and on nothing else', () => {
    expect(draw(64, 1)).toEqual(draw(64, 1));
    const others = [draw(64, 2), draw(64, 1, 1), draw(64, 1, 0, 1), draw(64, 2 ** 32 - 1)];
    for (const other of others) expect(other).not.toEqual(draw(64, 1));
    expect(new Set(others.map(String)).size).toBe(others.length);
  });

  it('gives a shorter array the same beginning, also when its length is not divisible by 4', () => {
    expect(draw(7, 3)).toEqual(draw(64, 3).subarray(0, 7));
  });

  it('has no correlation between neighbours or between consecutive seeds', () => {
    const count = 100_000;
    const a = draw(count, 1);
    const b = draw(count, 2);
    const correlation = (x: Float32Array, y: Float32Array, shift: number) =>
      x.reduce((sum, value, i) => sum + value * y[(i + shift) % count]!, 0) / count;
    expect(Math.abs(correlation(a, a, 1))).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(correlation(a, b, 0))).toBeLessThan(5 / Math.sqrt(count));
  });
});
