/** Where verified chunks lie; keys are the chunks' SHA-256. */
import { isAppError, type AppError } from '../domain/errors.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { openKeyValueStore } from '../storage/key-value-store.ts';
import { recordForm, type RecordForm } from '../storage/record-form.ts';

/** Chunks in IndexedDB, one record each. */
export function indexedDbChunkStore(form: RecordForm = recordForm()): ChunkStore {
  const store = openKeyValueStore<ArrayBuffer | Blob>('likeness-model-chunks');
  return {
    blobsOnDisk: form === 'blob',
    get: async (key) => {
      const record = await store.get(key);
      if (record === undefined || record instanceof ArrayBuffer) return record && new Uint8Array(record);
      return readBlob(record);
    },
    blob: async (key) => {
      const record = await store.get(key);
      return record instanceof ArrayBuffer ? new Blob([record]) : record;
    },
    set: (key, bytes) => store.set(key, form === 'blob' ? new Blob([bytes]) : alone(bytes)),
    delete: (key) => store.delete(key),
    keys: () => store.keys(),
  };
}

/** Undefined when the file behind the Blob is gone (Chromium: NotReadableError); short of memory it may work again at once. */
async function readBlob(blob: Blob): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      return new Uint8Array(await blob.arrayBuffer());
    } catch {
      // Read once more, then taken for lost: whoever asked fetches the chunk again.
    }
  }
  return undefined;
}

/** A view of a larger buffer would store all of it. */
function alone(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : new Uint8Array(bytes).buffer;
}

/** When the disk share is full, makes room once and tries the chunk again. */
export function withRoomMade(lasting: ChunkStore, makeRoom: () => Promise<void>): ChunkStore {
  let made: Promise<void> | null = null;
  return {
    ...lasting,
    set: async (key, bytes) => {
      try {
        await lasting.set(key, bytes);
      } catch (error) {
        if (!isAppError(error, 'quota-exceeded')) throw error;
        made ??= makeRoom();
        await made;
        await lasting.set(key, bytes);
      }
    },
  };
}

export interface FallbackChunkStore extends ChunkStore {
  /** Why chunks are kept in memory only; null as long as the lasting store takes them. */
  failure(): AppError | null;
}

/** Chunks the lasting store does not take (no IndexedDB, disk share full) live in memory for this session. */
export function withMemoryFallback(lasting: ChunkStore): FallbackChunkStore {
  const memory = new Map<string, Uint8Array<ArrayBuffer>>();
  let failure: AppError | null = null;

  const attempt = async <T>(work: () => Promise<T>, otherwise: () => T): Promise<T> => {
    if (failure !== null && failure.code === 'storage-unavailable') return otherwise();
    try {
      return await work();
    } catch (error) {
      if (!isAppError(error, 'storage-unavailable') && !isAppError(error, 'quota-exceeded')) throw error;
      failure = error;
      return otherwise();
    }
  };
  const nothing = (): undefined => undefined;

  return {
    failure: () => failure,
    blobsOnDisk: lasting.blobsOnDisk,
    get: async (key) => memory.get(key) ?? attempt(() => lasting.get(key), nothing),
    blob: async (key) => {
      const bytes = memory.get(key);
      return bytes === undefined ? attempt(() => lasting.blob(key), nothing) : new Blob([bytes]);
    },
    set: (key, bytes) =>
      attempt(
        () => lasting.set(key, bytes),
        () => void memory.set(key, bytes),
      ),
    delete: async (key) => {
      memory.delete(key);
      await attempt(() => lasting.delete(key), nothing);
    },
    keys: async () => [
      ...memory.keys(),
      ...(await attempt(
        () => lasting.keys(),
        () => [],
      )),
    ],
  };
}
