/** Installs a model from files that a person has: a folder, or a zip of one. */
import { AppError } from '../domain/errors.ts';
import { cutIntoChunks } from './chunk-cutter.ts';
import { readManifest } from './fetch-manifest.ts';
import { installModel, type ChunkSupply } from './install.ts';
import { readText } from './read-text.ts';
import { pieces, type FileSource } from './read-zip.ts';
import type { StoreParts } from './store-parts.ts';

/** Picked files by their path in the folder that was picked. */
export function folderSource(files: readonly File[]): FileSource {
  return new Map(files.map((file) => [file.webkitRelativePath || file.name, () => pieces(file.stream())]));
}

/**
 * Finds bundle.json (in the folder or one below) and takes the files that it lists; others are not looked at. Returns
 * the model's id. Throws AppError `bundle-missing-file`, `bundle-invalid`, `integrity` (details.file), and what
 * `installModel` throws.
 */
export async function importModel(parts: StoreParts, files: FileSource, signal: AbortSignal): Promise<string> {
  const manifestPath = [...files.keys()]
    .filter((path) => path === 'bundle.json' || path.endsWith('/bundle.json'))
    .sort((a, b) => a.length - b.length)[0];
  if (manifestPath === undefined) {
    throw new AppError('bundle-missing-file', 'There is no bundle.json among these files; choose the model’s folder.', {
      details: { file: 'bundle.json' },
    });
  }
  const folder = manifestPath.slice(0, -'bundle.json'.length);
  const { json, manifest } = readManifest(await readText(files.get(manifestPath)!()), manifestPath);
  const supply: ChunkSupply = async (missing, onKept, stop) => {
    const wanted = new Set(missing.map(({ file, index }) => file.chunks[index]!));
    for (const file of new Set(missing.map((chunk) => chunk.file))) {
      if (stop.aborted) throw new AppError('cancelled', 'Importing was stopped.');
      const open = files.get(folder + file.path);
      if (open === undefined) {
        throw new AppError('bundle-missing-file', `${file.path} is not among these files.`, {
          details: { file: file.path },
        });
      }
      const wrong = await cutIntoChunks(file, untilAborted(open(), stop), async (key, bytes) => {
        if (!wanted.has(key)) return;
        await parts.chunks.set(key, bytes);
        onKept(key);
      });
      if (wrong !== null) {
        throw new AppError('integrity', `${file.path} ${wrong.what}; get the model's files again.`, {
          details: { file: file.path, imported: true },
        });
      }
    }
  };
  // What was installed from the network may still be repaired from there.
  const known = await parts.records.get('installed', manifest.id);
  await installModel(parts, { json, manifest, bases: known?.bases ?? [] }, { signal, supply });
  return manifest.id;
}

async function* untilAborted(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    if (signal.aborted) throw new AppError('cancelled', 'Importing was stopped.');
    yield piece;
  }
}
