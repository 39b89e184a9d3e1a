/**
 * Bar: 200,000 bent weight files of at most 64 kB, half of them safetensors and half PyTorch archives, and none hangs,
 * crashes or allocates more than 4 × its size + 1 MiB. How they are bent: test/fixtures/weight-file-fuzz.ts; what is
 * measured: test/fixtures/fuzz-run.ts. The first 10,000 of each are what `npm test` tries.
 */
import { cpus } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { fuzzSeeds, runFuzz, type FuzzFigures } from '../fixtures/fuzz-run.ts';
import { fixtureBytes, fuzzedFormats } from '../unit/forge/reader-fixtures.ts';
import { leaveFigures } from './figures.ts';

const FILES_PER_FORMAT = 100_000;
const SAMPLE_EVERY = 250;

const measured: Record<string, Omit<FuzzFigures, 'crashes'> & { crashes: number; seconds: number }> = {};
const rounded = (value: number): number => Math.round(value * 1e3) / 1e3;

describe('bent weight files', () => {
  it.each(fuzzedFormats)('%s', async (format, names) => {
    const start = performance.now();
    const figures = await runFuzz(await fuzzSeeds(names.map(fixtureBytes)), FILES_PER_FORMAT, SAMPLE_EVERY);
    measured[format] = {
      ...figures,
      crashes: figures.crashes.length,
      buffersOfBound: rounded(figures.buffersOfBound),
      allocatedOfBound: rounded(figures.allocatedOfBound),
      slowestMs: Math.round(figures.slowestMs),
      seconds: Math.round((performance.now() - start) / 1e3),
    };
    expect(figures.crashes).toEqual([]);
    expect(figures.buffersOfBound).toBeLessThanOrEqual(1);
    expect(figures.allocatedOfBound).toBeLessThanOrEqual(1);
  });
});

afterAll(async () => {
  await leaveFigures('fuzz', { bound: '4 × the file + 1 MiB', ...measured, cores: cpus().length });
});
