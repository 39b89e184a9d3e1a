import { chunkLength, sha256Hex, type BundleFile } from '../bundle/integrity.ts';

/** What `cutIntoChunks` found at a place that the manifest describes otherwise. */
export interface WrongBytes {
  readonly index: number;
  readonly what: string;
}

/**
 * Cuts a whole file, as it streams by, into the chunks that the manifest names and hands over those whose SHA-256 is
 * right; at most one chunk is in memory. Stops at the first wrong one and says which; null when all were right.
 */
export async function cutIntoChunks(
  file: BundleFile,
  pieces: AsyncIterable<Uint8Array>,
  onChunk: (key: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<WrongBytes | null> {
  let index = 0;
  let chunk = new Uint8Array(Math.max(0, chunkLength(file, 0)));
  let filled = 0;
  let received = 0;
  for await (const piece of pieces) {
    received += piece.length;
    if (received > file.bytes) return { index, what: `is longer than the ${file.bytes} bytes expected` };
    for (let used = 0; used < piece.length;) {
      const taken = Math.min(piece.length - used, chunk.length - filled);
      chunk.set(piece.subarray(used, used + taken), filled);
      used += taken;
      filled += taken;
      if (filled < chunk.length) continue;
      const key = file.chunks[index]!;
      if ((await sha256Hex(chunk)) !== key) return { index, what: `is not the file expected (chunk ${index})` };
      await onChunk(key, chunk);
      index += 1;
      filled = 0;
      chunk = new Uint8Array(Math.max(0, chunkLength(file, index)));
    }
  }
  return received < file.bytes ? { index, what: `ended after ${received} of ${file.bytes} bytes` } : null;
}
