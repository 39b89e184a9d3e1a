import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build } from 'vite';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import { makeTinyBundle } from '../fixtures/tiny-bundle.ts';

const PAGE = resolve(import.meta.dirname, 'page');
const OUT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-browser-test');

/** Builds the test page as the product is built, puts the tiny bundles beside it, and serves all as the product is served. */
export async function servePage(): Promise<StaticServer> {
  await build({
    root: PAGE,
    configFile: false,
    base: './',
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, target: 'es2022', reportCompressedSize: false, minify: false },
    worker: { format: 'es' },
  });
  for (const [folder, bundle] of [
    ['tiny', makeTinyBundle()],
    ['tiny-quantised', makeTinyBundle({ weights: 'quantised' })],
    ['tiny-official', makeTinyBundle({ face: 'unscored-image', autoencoder: 'official' })],
  ] as const) {
    for (const [path, bytes] of bundle.files) {
      const target = join(OUT, folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes);
    }
  }
  return serveDist(OUT);
}
