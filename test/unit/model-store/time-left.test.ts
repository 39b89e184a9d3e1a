import { describe, expect, it } from 'vitest';
import { TimeLeft } from '../../../src/model-store/time-left.ts';

/** So many chunks of 10 bytes, one every `gapMs`; the clock after the last one. */
function feed(timeLeft: TimeLeft, chunks: number, gapMs: number, from = 0): number {
  for (let i = 1; i <= chunks; i++) timeLeft.add(10, from + i * gapMs);
  return from + chunks * gapMs;
}

describe('time left', () => {
  it('says nothing before there is something to go by', () => {
    const timeLeft = new TimeLeft(0);
    expect(timeLeft.estimate(100, 0)).toBeNull();
    expect(timeLeft.estimate(100, feed(timeLeft, 3, 1000))).toBeNull();
    expect(new TimeLeft(0).estimate(0, 0)).toBe(0);
  });

  it('does not take a first burst for the speed', () => {
    const timeLeft = new TimeLeft(0);
    expect(timeLeft.estimate(1000, feed(timeLeft, 20, 10))).toBeNull();
  });

  it('is exact at an even speed', () => {
    const timeLeft = new TimeLeft(0);
    expect(timeLeft.estimate(50, feed(timeLeft, 10, 500))).toBeCloseTo(2500, 6);
  });

  it('follows a change of speed, weighting what is eight seconds old half', () => {
    const timeLeft = new TimeLeft(0);
    const changed = feed(timeLeft, 40, 250);
    const now = feed(timeLeft, 40, 1000, changed);
    const estimate = timeLeft.estimate(10, now)!;
    expect(estimate).toBeGreaterThan(900);
    expect(estimate).toBeLessThanOrEqual(1000);
  });

  it('says nothing any more when nothing comes', () => {
    const timeLeft = new TimeLeft(0);
    const now = feed(timeLeft, 10, 500);
    expect(timeLeft.estimate(50, now + 3900)).not.toBeNull();
    expect(timeLeft.estimate(50, now + 4100)).toBeNull();
  });
});
