import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build, type InlineConfig, type Plugin } from 'vite';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import { encodePng } from '../../src/engine/encode-png.ts';
import { makeTinyBundle } from '../fixtures/tiny-bundle.ts';
import { drawTinyFace } from '../fixtures/tiny-face-networks.ts';

/** Where the product of these tests lies once it is built. */
export const PRODUCT_ROOT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-e2e');
/** The folder that is served as models/. */
export const SERVED_MODELS = join(PRODUCT_ROOT, 'models');

/** Title of the sample that the tiny bundle's detector knows. */
export const TINY_SAMPLE = 'Test face';
/** Title of a second model in the catalogue, in chunks of 64 KiB. */
export const OTHER_MODEL = 'Another test model';
/** A prompt that the tiny bundle offers. */
export const TINY_EXAMPLE = 'portrait of a person in a red hat';

/**
 * The product as it is built, served with its own headers; beside it the tiny bundle (`?app_id=tiny`), a damaged copy of
 * it (`?app_id=damaged`) and a sample whose face the tiny bundle finds.
 */
export async function serveProduct(): Promise<StaticServer> {
  await rm(PRODUCT_ROOT, { recursive: true, force: true });
  await buildForTests(PRODUCT_ROOT);
  const tiny = new Map(makeTinyBundle({ weights: 'quantised' }).files);
  tiny.set('bundle.json', withExample(tiny.get('bundle.json')!));
  await writeBundle('tiny', tiny);
  const other = new Map(makeTinyBundle({ id: 'other', chunkBytes: 65_536, manifest: { title: OTHER_MODEL } }).files);
  await writeBundle('other', other);
  await writeCatalogue([
    { id: 'tiny', title: 'Tiny test bundle', files: tiny },
    { id: 'other', title: OTHER_MODEL, files: other },
  ]);
  const damaged = new Map(makeTinyBundle({ id: 'damaged' }).files);
  const denoiser = damaged.get('weights/denoiser.bin')!;
  damaged.set(
    'weights/denoiser.bin',
    denoiser.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
  );
  await writeBundle('damaged', damaged);
  return serveDist(PRODUCT_ROOT);
}

/** The product with the test's sample; `more` makes it another version. */
export async function buildForTests(outDir: string, more: InlineConfig = {}): Promise<void> {
  await build({
    ...more,
    logLevel: 'warn',
    plugins: [await testSample()],
    build: { ...more.build, outDir, emptyOutDir: true, reportCompressedSize: false },
  });
}

/** The product's own catalogue, with the test's models added. */
async function writeCatalogue(
  models: readonly { readonly id: string; readonly title: string; readonly files: ReadonlyMap<string, Uint8Array> }[],
): Promise<void> {
  const path = join(SERVED_MODELS, 'catalog.json');
  const catalogue = JSON.parse(await readFile(path, 'utf8')) as { models: unknown[] };
  for (const { id, title, files } of models) {
    const bytes = [...files].reduce((sum, [name, { length }]) => sum + (name === 'bundle.json' ? 0 : length), 0);
    catalogue.models.push({
      id,
      title,
      baseUrl: `${id}/`,
      licence: { name: 'Apache-2.0', commercialUse: true },
      downloadBytes: bytes,
      diskBytes: bytes,
      memoryBytes: 300_000_000,
    });
  }
  await writeFile(path, JSON.stringify(catalogue));
}

async function writeBundle(id: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    const target = join(PRODUCT_ROOT, 'models', id, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

function withExample(bundleJson: Uint8Array): Uint8Array<ArrayBuffer> {
  const manifest = JSON.parse(new TextDecoder().decode(bundleJson)) as { text: object };
  const text = { ...manifest.text, examples: [TINY_EXAMPLE] };
  return new TextEncoder().encode(JSON.stringify({ ...manifest, text, resultLabel: 'test picture' }));
}

/** Adds the test's sample to the product's own, before the service worker is told what the product consists of. */
async function testSample(): Promise<Plugin> {
  const samples = JSON.parse(await readFile('public/samples/samples.json', 'utf8')) as unknown[];
  samples.push({ id: 'test-face', file: 'test-face.png', title: TINY_SAMPLE });
  return {
    name: 'test-sample',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'samples/samples.json', source: JSON.stringify(samples) });
      this.emitFile({ type: 'asset', fileName: 'samples/test-face.png', source: encodePng(drawTinyFace(256)) });
    },
  };
}
