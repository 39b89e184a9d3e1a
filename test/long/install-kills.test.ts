import { afterAll, beforeAll, expect, it } from 'vitest';
import { KILLS, runKills } from '../browser/run-kills.ts';
import { StoreBench } from '../browser/store-bench.ts';
import { leaveFigures } from './figures.ts';

const COUNT = 200;

let bench: StoreBench;
beforeAll(async () => {
  bench = await StoreBench.open();
});
afterAll(() => bench.close());

it('200 kills at random moments: each goes on to the exact bytes, or ends in a clear error', async () => {
  const reports = await runKills(bench, COUNT, 1000, KILLS);
  const again = reports.map((report) => report.fetchedAgain);
  await leaveFigures('install-kills', {
    kills: reports.length,
    byKind: Object.fromEntries(KILLS.map((kind) => [kind, reports.filter(({ kill }) => kill === kind).length])),
    bitExact: reports.filter(({ outcome }) => outcome === 'bit-exact').length,
    clearError: reports.filter(({ outcome }) => outcome === 'clear error').length,
    duringTheDownload: reports.filter(({ keptChunks, chunks }) => keptChunks > 0 && keptChunks < chunks).length,
    clearErrorsMet: count(reports.flatMap(({ clearErrors }) => clearErrors)),
    fetchedAgainPerEndAndConnection: {
      most: Math.max(...again),
      mean: again.reduce((a, b) => a + b, 0) / again.length,
    },
    wholeFileFetches: reports.reduce((sum, { wholeFiles }) => sum + wholeFiles, 0),
  });
  expect(reports).toHaveLength(COUNT);
  expect(Math.max(...again)).toBeLessThanOrEqual(2);
});

function count(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
