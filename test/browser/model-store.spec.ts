import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { sha256, testBytes } from '../fixtures/served-files.ts';
import { KILLS, runKills } from './run-kills.ts';
import { StoreBench } from './store-bench.ts';

const CHUNK_BYTES = 70_000;

let bench: StoreBench;
test.beforeAll(async () => {
  bench = await StoreBench.open();
});
test.afterAll(() => bench.close());

test('20 kills at random moments: each goes on to the exact bytes, or ends in a clear error', async () => {
  const reports = await runKills(bench, 20, 1, KILLS);
  expect(reports).toHaveLength(20);
  for (const report of reports) expect(report.fetchedAgain, report.kill).toBeLessThanOrEqual(2);
  expect(reports.filter(({ outcome }) => outcome === 'bit-exact').length).toBeGreaterThanOrEqual(18);
  // The kills fell into the downloads, not before or after them.
  expect(reports.filter(({ keptChunks, chunks }) => keptChunks > 0 && keptChunks < chunks).length).toBeGreaterThan(8);
});

test.describe('a stored chunk that changes', () => {
  const weights = testBytes(12 * CHUNK_BYTES, 3);
  const chunk = weights.subarray(7 * CHUNK_BYTES, 8 * CHUNK_BYTES);

  test.beforeEach(async () => {
    bench.server.misbehave({ seed: 0, rate: 0 });
    const files = {
      'weights/denoiser.bin': weights,
      'tokenizer.json': Buffer.from('{}'),
      'weights.json': Buffer.from('[]'),
    };
    bench.server.serve(files, { id: 'flipped', chunkBytes: CHUNK_BYTES });
    await bench.call({ do: 'install', url: `${bench.server.baseUrl}bundle.json` });
    bench.server.requests.length = 0;
  });

  async function expectRepair(): Promise<void> {
    expect(await bench.call({ do: 'verify', id: 'flipped' })).toEqual({ checkedChunks: 14, repairedChunks: 1 });
    expect(bench.server.requests).toEqual([
      { path: 'weights/denoiser.bin', range: [7 * CHUNK_BYTES, 8 * CHUNK_BYTES], misdeed: null },
    ]);
    expect(await bench.call({ do: 'verify', id: 'flipped' })).toEqual({ checkedChunks: 14, repairedChunks: 0 });
  }

  test('by one bit in its record is found, and it alone is fetched again', async () => {
    await bench.call({ do: 'flip-bit', key: sha256(chunk) });
    await expectRepair();
  });

  test('by one bit in its file on disk: the same', async () => {
    await bench.closeBrowser();
    for (const path of await findFiles(bench.profile, chunk)) {
      await writeFile(path, Buffer.from(chunk).fill(chunk[9]! ^ 16, 9, 10));
    }
    await expectRepair();
  });

  test('by losing its file on disk: the same', async () => {
    await bench.closeBrowser();
    for (const path of await findFiles(bench.profile, chunk)) await rm(path);
    await expectRepair();
  });
});

/** The files under `folder` that hold exactly these bytes; a replaced record's may lie there for a while. */
async function findFiles(folder: string, bytes: Uint8Array): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile() === true && found.size === bytes.length && (await readFile(path)).equals(bytes))
      files.push(path);
  }
  expect(files, 'files of the chunk').not.toEqual([]);
  return files;
}
