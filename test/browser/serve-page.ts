import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build, preview } from 'vite';
import { ISOLATION_HEADERS } from '../../vite.config.ts';
import { makeTinyBundle } from '../fixtures/tiny-bundle.ts';

const PAGE = resolve(import.meta.dirname, 'page');
const OUT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-browser-test');

export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the test page as the product is built, puts the tiny bundle beside it and serves both on a free port. */
export async function servePage(): Promise<ServedPage> {
  await build({
    root: PAGE,
    configFile: false,
    base: './',
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, target: 'es2022', reportCompressedSize: false, minify: false },
    worker: { format: 'es' },
  });
  for (const [path, bytes] of makeTinyBundle().files) {
    const target = join(OUT, 'tiny', path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
  const server = await preview({
    root: PAGE,
    configFile: false,
    logLevel: 'warn',
    appType: 'mpa', // unknown paths are 404, not the page
    build: { outDir: OUT },
    preview: { host: '127.0.0.1', port: 0, headers: ISOLATION_HEADERS },
  });
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}
