/** A bundle in a folder; every file is checked against the manifest when it is read. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle, parseManifest, type ModelBundle } from '../src/bundle/open-bundle.ts';
import { AppError } from '../src/domain/errors.ts';
import type { BundleFiles } from '../src/domain/ports.ts';

/** Throws AppError `bundle-missing-file`, `bundle-invalid`, `integrity` (also later, when a file is read). */
export async function openNodeBundle(folder: string): Promise<ModelBundle> {
  const manifestBytes = await readBundleFile(folder, 'bundle.json');
  const { files } = parseManifest(parseJson(manifestBytes, join(folder, 'bundle.json')));
  const expected = new Map(files.map((file) => [file.path, file]));

  const read = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    if (path === 'bundle.json') return manifestBytes.slice();
    const file = expected.get(path);
    if (file === undefined) throw missing(path, `${folder}/bundle.json lists no file ${path}`);
    const bytes = await readBundleFile(folder, path);
    if (bytes.length !== file.bytes || createHash('sha256').update(bytes).digest('hex') !== file.sha256) {
      throw new AppError(
        'integrity',
        `${join(folder, path)} is not the file that bundle.json describes; compile the bundle again.`,
        {
          details: { file: path },
        },
      );
    }
    return bytes;
  };
  const bundleFiles: BundleFiles = { read, blob: async (path) => new Blob([await read(path)]) };
  return openBundle(bundleFiles);
}

async function readBundleFile(folder: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readFile(join(folder, path)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw missing(path, `${join(folder, path)} does not exist`);
    throw error;
  }
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch (cause) {
    throw new AppError('bundle-invalid', `${name} is not JSON; the file is damaged or is another file.`, { cause });
  }
}

function missing(path: string, what: string): AppError {
  return new AppError('bundle-missing-file', `${what}; is this the folder of a compiled bundle?`, {
    details: { file: path },
  });
}
