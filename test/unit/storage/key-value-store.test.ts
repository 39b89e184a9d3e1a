import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openKeyValueStore } from '../../../src/storage/key-value-store.ts';

beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()));
afterEach(() => vi.unstubAllGlobals());

test('keeps values per database', async () => {
  const one = openKeyValueStore<{ n: number }>('one');
  const two = openKeyValueStore<{ n: number }>('two');
  await one.set('a', { n: 1 });
  await two.set('b', { n: 2 });
  expect(await one.get('a')).toEqual({ n: 1 });
  expect(await one.get('b')).toBeUndefined();
  expect(await two.keys()).toEqual(['b']);
  await one.delete('a');
  expect(await one.keys()).toEqual([]);
});

test('a full disk share is quota-exceeded', async () => {
  const store = openKeyValueStore<string>('full');
  await store.set('a', 'fits');
  const opened = vi.spyOn(indexedDB, 'open');
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => {
    throw new DOMException('no room', 'QuotaExceededError');
  });
  await expect(store.set('b', 'too much')).rejects.toMatchObject({
    code: 'quota-exceeded',
    details: { database: 'full' },
  });
  expect(await store.get('a')).toBe('fits');
  expect(opened).toHaveBeenCalledTimes(1); // Firefox writes nothing more on the old connection
});

test('no IndexedDB is storage-unavailable, and the store works once there is one', async () => {
  const factory = indexedDB;
  vi.stubGlobal('indexedDB', undefined);
  const store = openKeyValueStore<string>('later');
  await expect(store.get('a')).rejects.toMatchObject({ code: 'storage-unavailable' });
  vi.stubGlobal('indexedDB', factory);
  await store.set('a', 'now');
  expect(await store.get('a')).toBe('now');
});
