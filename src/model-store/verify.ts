/** Looks whether what is kept is still what was stored. */
import { sha256Hex } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { ChunkPlan } from './chunk-plan.ts';
import type { WantedChunk } from './fetch-chunk.ts';
import { cancelled } from './network.ts';

/** A model's chunks are looked at in so many turns, one at each load. */
export const TURNS = 8;
/** Chunks in memory at one time. */
const LANES = 3;

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
  const isDamaged = new Array<boolean>(looked.length).fill(false);
  const look = async (place: number): Promise<void> => {
    const wanted = looked[place]!;
    const key = wanted.file.chunks[wanted.index]!;
    const bytes = await chunks.get(key);
    if (signal.aborted) throw cancelled();
    if (bytes === undefined || (await sha256Hex(bytes)) !== key) {
      isDamaged[place] = true;
      await chunks.delete(key);
    }
    onChecked(plan.bytesOf(key));
  };
  // Reading and hashing happen outside this thread: one chunk is read while another is hashed.
  const lane = async (first: number): Promise<void> => {
    for (let place = first; place < looked.length; place += LANES) await look(place);
  };
  await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)));
  const damaged = looked.filter((_, place) => isDamaged[place]);
  return { checkedChunks: looked.length, damaged };
}
