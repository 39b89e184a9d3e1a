import { expect, it } from 'vitest';
import { memoryFit } from '../../../src/app/memory-fit.ts';

const GB = 2 ** 30;

it.each([
  [1 * GB, 4 * GB, 'fits'],
  [3 * GB, 4 * GB, 'tight'],
  [4 * GB, 4 * GB, 'too-large'],
  [6 * GB, 8 * GB, 'unknown'], // the device may have more than browsers tell
  [null, 4 * GB, 'unknown'],
  [1 * GB, null, 'unknown'],
] as const)('%s bytes needed, %s there: %s', (needed, device, expected) => {
  expect(memoryFit(needed, device)).toBe(expected);
});
