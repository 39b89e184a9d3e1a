/** How the files of a bundle are checked: SHA-256 per chunk, so that a damaged download is noticed early. */
import { AppError } from '../domain/errors.ts';
import type { BundleManifest } from './manifest.ts';

/** Bytes per chunk of a bundle's files; the last one is shorter. */
export const CHUNK_BYTES = 16 * 1024 * 1024;

export type BundleFile = BundleManifest['files'][number];

/** Lower-case hex SHA-256. Throws AppError `backend-unavailable` outside a secure context, where there is no Web Crypto. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  // The type says optional nowhere, yet browsers leave `subtle` out on plain-http pages.
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new AppError(
      'backend-unavailable',
      'Models can be checked only over https or on localhost; open the page there.',
    );
  }
  // Nothing in the house keeps bytes in shared memory, the one case in which digest refuses them.
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The byte range of chunk `index`. */
export function chunkLength(file: BundleFile, index: number): number {
  return Math.min(file.chunkBytes, file.bytes - index * file.chunkBytes);
}

/**
 * Throws AppError `bundle-invalid` when a path leaves the bundle's folder or is listed twice, or a file's number of
 * chunks contradicts its size.
 */
export function checkFileList(files: readonly BundleFile[]): void {
  const paths = files.map(({ path }) => path);
  const problems = files.flatMap(({ path, bytes, chunkBytes, chunks }) => {
    if (paths.indexOf(path) !== paths.lastIndexOf(path)) return [`${path}: listed twice`];
    if (!/^[\w.-]+(\/[\w.-]+)*$/.test(path) || path.split('/').includes('..')) return [`${path}: not a relative path`];
    return chunks.length === Math.ceil(bytes / chunkBytes) ? [] : [`${path}: its chunks do not add up to its size`];
  });
  if (problems.length === 0) return;
  throw new AppError('bundle-invalid', `bundle.json: files: ${problems.join('; ')}`, { details: { fields: problems } });
}
