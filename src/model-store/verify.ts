/** Looks whether what is kept is still what was stored. */
import { sha256Hex } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { ChunkPlan } from './chunk-plan.ts';
import type { WantedChunk } from './fetch-chunk.ts';
import { cancelled } from './network.ts';

/** A model's chunks are looked at in so many turns, one at each load. */
export const TURNS = 8;

export interface FoundDamage {
  readonly checkedChunks: number;
  /** Chunks that are lost or were wrong; the wrong ones are deleted. */
  readonly damaged: readonly WantedChunk[];
}

/**
 * Reads the chunks (`turn` 0..7: those whose place in the manifest is that modulo 8; null: all of them) and compares
 * their SHA-256. Throws AppError `cancelled`, `storage-unavailable`.
 */
export async function findDamage(
  manifest: BundleManifest,
  chunks: ChunkStore,
  turn: number | null,
  signal: AbortSignal,
  onChecked: (bytes: number) => void = () => undefined,
): Promise<FoundDamage> {
  const plan = new ChunkPlan(manifest);
  const looked = plan.chunks.filter((_, place) => turn === null || place % TURNS === turn);
  const damaged: WantedChunk[] = [];
  // The next chunk is read while this one is hashed.
  const read = (place: number) => {
    const wanted = looked[place];
    return wanted === undefined ? null : chunks.get(wanted.file.chunks[wanted.index]!);
  };
  let next = read(0);
  for (const [place, wanted] of looked.entries()) {
    const key = wanted.file.chunks[wanted.index]!;
    const bytes = await next!;
    if (signal.aborted) throw cancelled();
    next = read(place + 1);
    next?.catch(() => undefined); // told when its turn comes, unless this one fails first
    if (bytes === undefined || (await sha256Hex(bytes)) !== key) {
      damaged.push(wanted);
      await chunks.delete(key);
    }
    onChecked(plan.bytesOf(key));
  }
  return { checkedChunks: looked.length, damaged };
}
