import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { openNodeFile, openNodeFolder } from '../../../cli/node-file-access.ts';
import { blobAccess, bytesAccess, readAll, type RandomAccess } from '../../../src/forge/random-access.ts';

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-access-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function check(access: RandomAccess): Promise<void> {
  expect(access.size).toBe(100);
  expect([...(await access.read(3, 4))]).toEqual([3, 4, 5, 6]);
  expect(await access.read(100, 0)).toHaveLength(0);
  expect(await readAll(access)).toEqual(bytes);
  (await access.read(0, 1))[0] = 77;
  expect([...(await access.read(0, 1))]).toEqual([0]);
  for (const [offset, length] of [
    [99, 2],
    [-1, 1],
    [0, -1],
    [0.5, 1],
    [NaN, 1],
    [2 ** 60, 1],
  ] as const) {
    await expect(access.read(offset, length)).rejects.toBeInstanceOf(RangeError);
  }
}

describe('sources of bytes', () => {
  it('in memory', () => check(bytesAccess('a', bytes)));

  it('a Blob and a picked File', async () => {
    await check(blobAccess(new Blob([bytes.subarray(0, 50), bytes.subarray(50)])));
    expect(blobAccess(new File([bytes], 'model.safetensors')).name).toBe('model.safetensors');
  });

  it('a file on disk', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'a.bin');
      await writeFile(path, bytes);
      const file = (await openNodeFile(path))!;
      await check(file);
      await truncate(path, 10);
      await expect(file.read(5, 10)).rejects.toThrow(/became shorter/);
      await file.close();
    }));

  test('a folder on disk closes all its files', () =>
    inFolder(async (path) => {
      await writeFile(join(path, 'a.bin'), bytes);
      const folder = openNodeFolder(path);
      const file = (await folder.open('a.bin'))!;
      expect(await folder.open('b.bin')).toBeUndefined();
      expect(await folder.open('.')).toBeUndefined();
      await folder.close();
      await expect(file.read(0, 1)).rejects.toThrow();
    }));
});
