/** Where verified chunks lie; keys are the chunks' SHA-256. */
import { isAppError, type AppError } from '../domain/errors.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { openKeyValueStore } from '../storage/key-value-store.ts';

/** ArrayBuffer records in IndexedDB; Blobs there are unreliable in Safari. */
export function indexedDbChunkStore(): ChunkStore {
  const store = openKeyValueStore<ArrayBuffer>('likeness-model-chunks');
  return {
    get: async (key) => {
      const buffer = await store.get(key);
      return buffer === undefined ? undefined : new Uint8Array(buffer);
    },
    set: (key, bytes) => store.set(key, wholeBuffer(bytes)),
    delete: (key) => store.delete(key),
    keys: () => store.keys(),
  };
}

function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  if (bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer;
  return new Uint8Array(bytes).buffer;
}

export interface FallbackChunkStore extends ChunkStore {
  /** Why chunks are kept in memory only; null as long as the lasting store takes them. */
  failure(): AppError | null;
}

/** Chunks the lasting store does not take (no IndexedDB, disk share full) live in memory for this session. */
export function withMemoryFallback(lasting: ChunkStore): FallbackChunkStore {
  const memory = new Map<string, Uint8Array>();
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

  return {
    failure: () => failure,
    get: async (key) =>
      memory.get(key) ??
      attempt(
        () => lasting.get(key),
        () => undefined,
      ),
    set: (key, bytes) =>
      attempt(
        () => lasting.set(key, bytes),
        () => void memory.set(key, bytes),
      ),
    delete: async (key) => {
      memory.delete(key);
      await attempt(
        () => lasting.delete(key),
        () => undefined,
      );
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
