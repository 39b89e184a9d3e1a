import type { ChunkStore } from '../../../src/domain/ports.ts';

/** Only workers have these; the test's types are a page's. */
interface SyncAccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  close(): void;
}
type WorkerFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccessHandle> };

/** Chunks as files of the origin's private file system, by synchronous access handles; measured against IndexedDB. */
export async function opfsChunkStore(): Promise<ChunkStore> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle('chunks', { create: true });
  const find = (key: string) => folder.getFileHandle(key).catch(() => null) as Promise<WorkerFileHandle | null>;
  return {
    blobsOnDisk: true,
    async get(key) {
      const handle = await (await find(key))?.createSyncAccessHandle();
      if (handle === undefined) return undefined;
      const bytes = new Uint8Array(handle.getSize());
      handle.read(bytes, { at: 0 });
      handle.close();
      return bytes;
    },
    blob: async (key) => (await find(key))?.getFile(),
    async set(key, bytes) {
      const file = (await folder.getFileHandle(key, { create: true })) as WorkerFileHandle;
      const handle = await file.createSyncAccessHandle();
      handle.write(bytes, { at: 0 });
      handle.flush();
      handle.close();
    },
    delete: (key) => folder.removeEntry(key),
    async keys() {
      const keys: string[] = [];
      for await (const key of folder.keys()) keys.push(key);
      return keys;
    },
  };
}
