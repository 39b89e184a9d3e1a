export type MemoryFit = 'fits' | 'tight' | 'too-large' | 'unknown';

/** Browsers tell at most so much (W3C Device Memory: values are capped against fingerprinting). */
const MOST_TOLD = 8 * 2 ** 30;
/** Shares of the device's memory that one page can count on, and that it may get. */
const COMFORTABLE = 0.5;
const POSSIBLE = 0.8;

/** Whether a model that takes so many bytes while it draws can run on a device with so many; null = not known. */
export function memoryFit(needed: number | null, device: number | null): MemoryFit {
  if (needed === null || device === null) return 'unknown';
  if (needed <= device * COMFORTABLE) return 'fits';
  if (device >= MOST_TOLD) return 'unknown';
  return needed <= device * POSSIBLE ? 'tight' : 'too-large';
}
