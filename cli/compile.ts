/** `likeness compile`: official weights → bundle folder. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { appendFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BundleManifest } from '../src/bundle/manifest.ts';
import type { CheckpointFolder } from '../src/forge/checkpoint-folder.ts';
import { compileBundle } from '../src/forge/compile-bundle.ts';
import type { ForgeOutput } from '../src/forge/file-writer.ts';
import type { RandomAccess } from '../src/forge/random-access.ts';
import { PRECISIONS, type Precision } from '../src/forge/storage-plan.ts';
import { checkNetwork } from './check-network.ts';
import { UsageError } from './usage-error.ts';

export const COMPILE_USAGE = `likeness compile --base FOLDER --out FOLDER [--precision ${PRECISIONS.join('|')}]
  Makes a bundle of a checkpoint in the diffusers folder layout. A bundle that is already at --out is replaced.
  --precision  bits of linear layers: q8 (default), q4, or f32 for no rounding at all`;

/** Throws UsageError and what `compileFolder` throws. */
export async function runCompile(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { base: { type: 'string' }, out: { type: 'string' }, precision: { type: 'string', default: 'q8' } },
  });
  if (values.base === undefined || values.out === undefined) throw new UsageError('--base and --out are needed.');
  const precision = PRECISIONS.find((known) => known === values.precision);
  if (precision === undefined) {
    throw new UsageError(`--precision must be ${PRECISIONS.join(', ')}, not "${values.precision}".`);
  }
  const manifest = await compileFolder(values.base, values.out, precision);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  console.log(
    `${values.out}: ${manifest.title} ${manifest.version}, ${(bytes / 1e6).toFixed(1)} MB in ${manifest.files.length} files`,
  );
}

/**
 * Compiles into a folder beside `out` and moves it there when it is whole: what lies at `out` is always complete.
 * Throws what `compileBundle` throws, and UsageError when `out` holds something that is no bundle.
 */
export async function compileFolder(base: string, out: string, precision: Precision): Promise<BundleManifest> {
  const target = resolve(out);
  await requireReplaceable(target, out);
  const partial = `${target}.partial-${process.pid}`;
  const removePartial = (): void => rmSync(partial, { recursive: true, force: true });
  const interrupted = (): void => {
    removePartial();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  const folder = nodeFolder(base);
  try {
    await mkdir(partial, { recursive: true });
    const manifest = await compileBundle({
      inputs: { base: folder },
      output: folderOutput(partial),
      precision,
      checkNetwork,
    });
    await replaceFolder(partial, target);
    return manifest;
  } finally {
    process.removeListener('SIGINT', interrupted);
    await folder.close();
    removePartial();
  }
}

async function requireReplaceable(target: string, shown: string): Promise<void> {
  const entries: string[] = await readdir(target).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw code === 'ENOTDIR' ? new UsageError(`--out ${shown} is a file; give a folder.`) : error;
  });
  if (entries.length > 0 && !entries.includes('bundle.json')) {
    throw new UsageError(`--out ${shown} holds other things than a bundle; give an empty or new folder.`);
  }
}

async function replaceFolder(made: string, target: string): Promise<void> {
  const replaced = `${made}.replaced`;
  await mkdir(dirname(target), { recursive: true });
  await rename(target, replaced).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  await rename(made, target);
  await rm(replaced, { recursive: true, force: true });
}

function folderOutput(folder: string): ForgeOutput {
  return {
    append: async (path, bytes) => {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await appendFile(file, bytes);
    },
    newSha256: () => {
      const hash = createHash('sha256');
      return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
    },
  };
}

function nodeFolder(base: string): CheckpointFolder & { close(): Promise<void> } {
  const handles: Awaited<ReturnType<typeof open>>[] = [];
  return {
    name: base,
    open: async (path) => {
      const name = join(base, path);
      const info = await stat(name).catch(() => undefined);
      if (info?.isFile() !== true) return undefined;
      const handle = await open(name);
      handles.push(handle);
      const access: RandomAccess = {
        name,
        size: info.size,
        read: async (offset, length) => {
          const bytes = new Uint8Array(length);
          const { bytesRead } = await handle.read(bytes, 0, length, offset);
          if (bytesRead !== length) throw new Error(`${name} became shorter while it was read.`);
          return bytes;
        },
      };
      return access;
    },
    close: async () => {
      await Promise.all(handles.map((handle) => handle.close()));
    },
  };
}
