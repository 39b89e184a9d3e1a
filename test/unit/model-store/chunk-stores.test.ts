import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { indexedDbChunkStore } from '../../../src/model-store/chunk-stores.ts';
import { recordForm, type RecordForm } from '../../../src/storage/record-form.ts';
import { openKeyValueStore } from '../../../src/storage/key-value-store.ts';
import { testBytes } from '../../fixtures/served-files.ts';

beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()));
afterEach(() => vi.unstubAllGlobals());

const bytes = testBytes(5000, 1);

describe.each(['blob', 'buffer'] as const)('records as %s', (form: RecordForm) => {
  const other = form === 'blob' ? 'buffer' : 'blob';

  test('come back as bytes and as a Blob, whichever form another version reads them in', async () => {
    await indexedDbChunkStore(form).set('key', bytes.slice());
    for (const store of [indexedDbChunkStore(form), indexedDbChunkStore(other)]) {
      expect(await store.get('key')).toEqual(bytes);
      expect(new Uint8Array(await (await store.blob('key'))!.arrayBuffer())).toEqual(bytes);
      expect(await store.get('none')).toBeUndefined();
      expect(await store.blob('none')).toBeUndefined();
    }
  });

  test('of a part of a larger buffer hold that part alone', async () => {
    await indexedDbChunkStore(form).set('part', bytes.subarray(100, 200));
    const record = await openKeyValueStore<ArrayBuffer | Blob>('likeness-model-chunks').get('part');
    expect(record instanceof ArrayBuffer ? record.byteLength : record!.size).toBe(100);
  });
});

test('a Blob whose file is gone counts as no chunk; one that is read at the second try does not', async () => {
  await indexedDbChunkStore('blob').set('key', bytes.slice());
  const read = vi.spyOn(Blob.prototype, 'arrayBuffer');
  read.mockRejectedValueOnce(new DOMException('low on memory', 'UnknownError'));
  expect(await indexedDbChunkStore('blob').get('key')).toEqual(bytes);
  read.mockRejectedValue(new DOMException('Data lost due to missing file', 'NotReadableError'));
  expect(await indexedDbChunkStore('blob').get('key')).toBeUndefined();
  read.mockRestore();
});

test('Blobs are for Chromium', () => {
  vi.stubGlobal('navigator', { userAgentData: { brands: [{ brand: 'Not A Brand' }, { brand: 'Chromium' }] } });
  expect(recordForm()).toBe('blob');
  vi.stubGlobal('navigator', {});
  expect(recordForm()).toBe('buffer');
});
