import { expect, test } from 'vitest';
import { decodeBrainFloat, decodeHalf, halfToFloat } from '../../../src/forge/half.ts';

/** Values as numpy 2 prints them for `np.array([bits], np.uint16).view(np.float16)`. */
test.each([
  [0x0000, 0],
  [0x0001, 5.960464477539063e-8],
  [0x03ff, 6.097555160522461e-5],
  [0x0400, 6.103515625e-5],
  [0x3555, 0.333251953125],
  [0x3c00, 1],
  [0xc500, -5],
  [0x7bff, 65504],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
  [0x7e00, NaN],
])('half %i is %d', (bits, value) => {
  expect(halfToFloat(bits)).toBe(value);
  expect(decodeHalf(Uint16Array.of(bits))[0]).toBe(value);
});

test('minus zero stays minus zero', () => {
  expect(decodeHalf(Uint16Array.of(0x8000))[0]).toBe(-0);
});

test('bfloat16 is the upper half of an f32', () => {
  expect([...decodeBrainFloat(Uint16Array.of(0x3f80, 0xc2f7, 0x0001, 0x7f80))]).toEqual([
    1,
    -123.5,
    9.183549615799121e-41,
    Infinity,
  ]);
});
