import type { BundleFile } from '../bundle/integrity.ts';
import { AppError } from '../domain/errors.ts';
import type { ChunkStore } from '../domain/ports.ts';
import type { InstallTarget } from './install.ts';

/** Offsets in a zip without its 64-bit extension have four bytes. */
const LARGEST_ZIP = 2 ** 32 - 2 ** 20;

/**
 * A zip of the installed model's folder, stored without packing: weights do not shrink. Pieces go into Blobs at once,
 * which browsers keep on disk when they are many. Throws AppError `integrity` when a chunk is lost, `bundle-invalid`
 * beyond 4 GB.
 */
export async function exportZip({ manifest, json }: InstallTarget, chunks: ChunkStore): Promise<Blob> {
  if (manifest.files.reduce((sum, file) => sum + file.bytes, 0) > LARGEST_ZIP) {
    throw new AppError('bundle-invalid', `${manifest.id} is too large for a zip file.`, { details: { zip: true } });
  }
  const { Zip, ZipPassThrough } = await import('fflate');
  const parts: Blob[] = [];
  const failures: Error[] = [];
  const zip = new Zip((error, piece) => {
    if (error !== null) failures.push(error);
    // The library goes on writing into its buffers.
    parts.push(new Blob([piece.slice()]));
  });
  const description = new ZipPassThrough(`${manifest.id}/bundle.json`);
  zip.add(description);
  description.push(new TextEncoder().encode(JSON.stringify(json)), true);
  for (const file of manifest.files) {
    const entry = new ZipPassThrough(`${manifest.id}/${file.path}`);
    zip.add(entry);
    for (let index = 0; index < file.chunks.length; index++) {
      entry.push(await chunkOf(file, index, chunks), index === file.chunks.length - 1);
    }
    if (file.chunks.length === 0) entry.push(new Uint8Array(), true);
  }
  zip.end();
  if (failures.length > 0) throw failures[0]!;
  return new Blob(parts, { type: 'application/zip' });
}

async function chunkOf(file: BundleFile, index: number, chunks: ChunkStore): Promise<Uint8Array> {
  const bytes = await chunks.get(file.chunks[index]!);
  if (bytes !== undefined) return bytes;
  throw new AppError('integrity', `A part of ${file.path} is lost; verify the model first.`, {
    details: { file: file.path },
  });
}
