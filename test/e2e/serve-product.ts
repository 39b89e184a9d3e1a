import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build } from 'vite';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import { encodePng } from '../../src/engine/encode-png.ts';
import { makeTinyBundle } from '../fixtures/tiny-bundle.ts';
import { drawTinyFace } from '../fixtures/tiny-face-networks.ts';

const ROOT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-e2e');

/** Title of the sample that the tiny bundle's detector knows. */
export const TINY_SAMPLE = 'Test face';

/**
 * The product as it is built, served with its own headers; beside it the tiny bundle (`?app_id=tiny`), a damaged copy of
 * it (`?app_id=damaged`) and a sample whose face the tiny bundle finds.
 */
export async function serveProduct(): Promise<StaticServer> {
  await rm(ROOT, { recursive: true, force: true });
  await build({ logLevel: 'warn', build: { outDir: ROOT, emptyOutDir: true, reportCompressedSize: false } });
  await writeBundle('tiny', makeTinyBundle({ weights: 'quantised' }).files);
  const damaged = new Map(makeTinyBundle({ id: 'damaged' }).files);
  const denoiser = damaged.get('weights/denoiser.bin')!;
  damaged.set(
    'weights/denoiser.bin',
    denoiser.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
  );
  await writeBundle('damaged', damaged);
  await addSample();
  return serveDist(ROOT);
}

async function writeBundle(id: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    const target = join(ROOT, 'models', id, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

async function addSample(): Promise<void> {
  const index = join(ROOT, 'samples', 'samples.json');
  const samples = JSON.parse(await readFile(index, 'utf8')) as unknown[];
  samples.push({ id: 'test-face', file: 'test-face.png', title: TINY_SAMPLE });
  await writeFile(index, JSON.stringify(samples));
  await writeFile(join(ROOT, 'samples', 'test-face.png'), encodePng(drawTinyFace(256)));
}
