/**
 * The starter's bundle. Its checkpoint alone lies in the repository; the bundle is compiled from it when there is none
 * or when the checkpoint or the forge has changed since.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Plugin } from 'vite';

const ROOT = resolve(import.meta.dirname, '..');
const CHECKPOINT = 'models/checkpoints/starter';
/** What decides the bundle's bytes. */
const SOURCES = [CHECKPOINT, 'src/forge', 'src/bundle', 'cli/compile.ts'];
const STAMP = join(ROOT, 'node_modules/.cache/likeness-starter.sha256');

export const STARTER_BUNDLE = join(ROOT, 'public/models/starter');

let made: Promise<string> | undefined;

/** Folder of the bundle, up to date. Rejects with what the compiler said. */
export function starterBundle(): Promise<string> {
  made ??= make();
  return made;
}

/** The product and its tests have the starter, however they are built. */
export function starterBundlePlugin(): Plugin {
  return {
    name: 'likeness-starter-bundle',
    async buildStart() {
      await starterBundle();
    },
  };
}

async function make(): Promise<string> {
  const sources = await digest();
  const known = await readFile(STAMP, 'utf8').catch(() => '');
  const isThere = await stat(join(STARTER_BUNDLE, 'bundle.json')).then(
    () => true,
    () => false,
  );
  if (known === sources && isThere) return STARTER_BUNDLE;
  // In a process of its own: Vite bundles its configuration, and the compiler brings a runtime along.
  const compiler = ['--import', 'tsx', 'cli/likeness.ts', 'compile', '--base', CHECKPOINT, '--out', STARTER_BUNDLE];
  await promisify(execFile)(process.execPath, compiler, { cwd: ROOT });
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, sources);
  return STARTER_BUNDLE;
}

/** SHA-256 over the names and bytes of the sources. */
async function digest(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const path = join(ROOT, source);
    const names = (await stat(path)).isFile() ? [''] : (await readdir(path, { recursive: true })).sort();
    for (const name of names) {
      const file = join(path, name);
      if ((await stat(file)).isFile()) hash.update(`${source}/${name}\n`).update(await readFile(file));
    }
  }
  return hash.digest('hex');
}
