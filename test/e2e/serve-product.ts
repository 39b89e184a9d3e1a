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
/** A prompt that the tiny bundle offers. */
export const TINY_EXAMPLE = 'portrait of a person in a red hat';

/**
 * The product as it is built, served with its own headers; beside it the tiny bundle (`?app_id=tiny`), a damaged copy of
 * it (`?app_id=damaged`) and a sample whose face the tiny bundle finds.
 */
export async function serveProduct(): Promise<StaticServer> {
  await rm(ROOT, { recursive: true, force: true });
  await build({ logLevel: 'warn', build: { outDir: ROOT, emptyOutDir: true, reportCompressedSize: false } });
  const tiny = new Map(makeTinyBundle({ weights: 'quantised' }).files);
  tiny.set('bundle.json', withExample(tiny.get('bundle.json')!));
  await writeBundle('tiny', tiny);
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

function withExample(bundleJson: Uint8Array): Uint8Array<ArrayBuffer> {
  const manifest = JSON.parse(new TextDecoder().decode(bundleJson)) as { text: object };
  const text = { ...manifest.text, examples: [TINY_EXAMPLE] };
  return new TextEncoder().encode(JSON.stringify({ ...manifest, text, resultLabel: 'test picture' }));
}

async function addSample(): Promise<void> {
  const index = join(ROOT, 'samples', 'samples.json');
  const samples = JSON.parse(await readFile(index, 'utf8')) as unknown[];
  samples.push({ id: 'test-face', file: 'test-face.png', title: TINY_SAMPLE });
  await writeFile(index, JSON.stringify(samples));
  await writeFile(join(ROOT, 'samples', 'test-face.png'), encodePng(drawTinyFace(256)));
}
