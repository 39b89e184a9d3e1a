/** Room that our own models take without need. */
import { chunkKeys, manifestOf, type ModelRecord } from './model-records.ts';
import { installLock, type StoreParts } from './store-parts.ts';

/**
 * Deletes the partial downloads that nobody works on (but `keepId`'s), and every chunk that no record names.
 * Throws AppError `storage-unavailable`.
 */
export async function reclaim(parts: StoreParts, keepId: string): Promise<void> {
  for (const { id } of await parts.records.all('partial')) {
    if (id !== keepId) await parts.locks.tryHold(installLock(id), () => parts.records.delete('partial', id));
  }
  await deleteUnnamedChunks(parts);
}

/** Deletes chunks that belong to no record: what a crash, an update or a removal left. */
export async function deleteUnnamedChunks({ records, chunks }: StoreParts): Promise<void> {
  // Chunks first: one stored meanwhile is then not looked at, whatever its record.
  const kept = await chunks.keys();
  const named = new Set<string>();
  const add = (record: ModelRecord): void => chunkKeys(manifestOf(record)).forEach((key) => named.add(key));
  (await records.all('installed')).forEach(add);
  (await records.all('partial')).forEach(add);
  for (const key of kept) if (!named.has(key)) await chunks.delete(key);
}
