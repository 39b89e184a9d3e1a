import { describe, expect, it } from 'vitest';
import { openBundle, parseManifest } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { BundleFiles } from '../../../src/domain/ports.ts';
import { leastManifest } from '../../fixtures/least-manifest.ts';

const HASH = 'a'.repeat(64);

function manifest() {
  const files = [{ path: 'weights.json', bytes: 2, sha256: HASH, chunkBytes: 16, chunks: [HASH] }];
  return { ...leastManifest(), files };
}

function filesOf(contents: Record<string, unknown>): BundleFiles {
  const read = (path: string) => {
    const content = contents[path];
    if (content === undefined) return Promise.reject(new AppError('bundle-missing-file', path));
    return Promise.resolve(new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content)));
  };
  return { read, blob: async (path) => new Blob([await read(path)]) };
}

describe('openBundle', () => {
  it('opens a valid bundle', async () => {
    const tensor = { kind: 'float', file: 'w.bin', dims: [2], dtype: 'float32', data: { offset: 0, length: 8 } };
    const bundle = await openBundle(
      filesOf({ 'bundle.json': manifest(), 'weights.json': { denoiser: { x: tensor } } }),
    );
    expect(bundle.manifest.id).toBe('tiny');
    expect(bundle.tensors.denoiser?.x).toEqual(tensor);
  });

  it('names every missing or wrong field', () => {
    const bad = { ...manifest(), title: undefined, latent: { ...manifest().latent, channels: 0 } };
    expect(() => parseManifest(bad)).toThrow(expect.objectContaining({ code: 'bundle-invalid' }) as Error);
    expect(() => parseManifest(bad)).toThrow(/title/);
    expect(() => parseManifest(bad)).toThrow(/latent\.channels/);
  });

  it('refuses numbers that contradict each other, naming them all', () => {
    const { latent, native, schedule } = manifest();
    const bad = (changes: object) => () => parseManifest({ ...manifest(), ...changes });
    expect(bad({ native: { ...native, multiple: 12 } })).toThrow(/native\.multiple \(12\).*latent\.downscale \(8\)/);
    expect(bad({ latent: { ...latent, channels: 4 } })).toThrow(/latent\.preview\.matrix has to have 4 numbers/);
    expect(bad({ schedule: { ...schedule, steps: { default: 9, min: 1, max: 8 } } })).toThrow(/steps.*default \(9\)/);
    const guidance = { default: 1, smallestUseful: 6, max: 5 };
    expect(bad({ schedule: { ...schedule, guidance } })).toThrow(/smallestUseful \(6\)/);
    expect(bad({ native: { ...native, multiple: 12 }, latent: { ...latent, channels: 4 } })).toThrow(
      /multiple.*; latent\.preview/,
    );
  });

  it('refuses half of the CLIP route, a face by nothing, and denoisers with inputs that nobody feeds', () => {
    const { face, networks } = manifest();
    const image = { size: 224, mean: 127.5, std: 127.5, order: 'rgb' };
    const built = { class: 'Any', config: {} };
    const route = { ...networks, imageEncoder: built, resampler: built };
    const open = (changes: object) => () => parseManifest({ ...manifest(), ...changes });
    expect(open({ face: { ...face, image }, networks: route })).not.toThrow();
    expect(open({ face: { ...face, image, embedding: undefined }, networks: route })).not.toThrow();
    expect(open({ networks: route })).toThrow(/face\.image, .* belong together/);
    expect(open({ face: { ...face, image } })).toThrow(/belong together/);
    expect(open({ face: { ...face, embedding: undefined } })).toThrow(/face\.embedding has to be there/);
    const denoiser = (config: object) => ({ networks: { ...networks, denoiser: { class: 'Any', config } } });
    expect(open(denoiser({ in_channels: 9 }))).toThrow(/in_channels \(9\).*latent\.channels \(1\).*inpainting/);
    expect(open(denoiser({ time_cond_proj_dim: 256 }))).toThrow(/time_cond_proj_dim.*LCM-LoRA/);
    expect(open(denoiser({ in_channels: 1, time_cond_proj_dim: null }))).not.toThrow();
  });

  it('refuses another format and says what to do', () => {
    expect(() => parseManifest({ ...manifest(), format: 2 })).toThrow(/format 2 is not known.*Update the app/);
    expect(() => parseManifest(null)).toThrow(/format undefined/);
  });

  it('refuses a bundle without the networks that make an image', async () => {
    const networks = { ...manifest().networks, denoiser: undefined };
    const files = filesOf({ 'bundle.json': { ...manifest(), networks }, 'weights.json': {} });
    await expect(openBundle(files)).rejects.toThrow(/networks\.denoiser missing/);
  });

  it('tells damaged JSON and a damaged weight index apart', async () => {
    await expect(openBundle(filesOf({ 'bundle.json': '<html>' }))).rejects.toThrow(/bundle\.json is not JSON/);
    const files = filesOf({ 'bundle.json': manifest(), 'weights.json': { denoiser: { x: { kind: 'float' } } } });
    await expect(openBundle(files)).rejects.toThrow(/weights\.json: denoiser\.x/);
  });

  it('refuses another face encoder than the adapter was trained with', async () => {
    const encoder = { path: 'face_encoder.onnx', bytes: 2, sha256: HASH, chunkBytes: 16, chunks: [HASH] };
    const bundle = (encoderSha256: string) => {
      const plain = manifest();
      return filesOf({
        'weights.json': {},
        'bundle.json': {
          ...plain,
          face: { ...plain.face, encoderSha256 },
          networks: { ...plain.networks, faceEncoder: { onnx: encoder.path } },
          files: [...plain.files, encoder],
        },
      });
    };
    await expect(openBundle(bundle(HASH))).resolves.toBeDefined();
    await expect(openBundle(bundle('b'.repeat(64)))).rejects.toMatchObject({
      code: 'bundle-invalid',
      message: /not the face encoder that the adapter was trained with/,
    });
  });

  it.each([
    [{ path: '../up.bin' }, /\.\.\/up\.bin: not a relative path/],
    [{ path: '/etc/x' }, /not a relative path/],
    [{ path: 'a//b' }, /not a relative path/],
    [{ path: 'weights.json' }, /weights\.json: listed twice/],
    [{ bytes: 17 }, /extra\.bin: its chunks do not add up/],
    [{ chunks: [] }, /extra\.bin: its chunks do not add up/],
  ])('refuses a file list with %j', (change, message) => {
    const extra = { path: 'extra.bin', bytes: 2, sha256: HASH, chunkBytes: 16, chunks: [HASH] };
    const plain = manifest();
    expect(() => parseManifest({ ...plain, files: [...plain.files, { ...extra, ...change }] })).toThrow(message);
  });
});
