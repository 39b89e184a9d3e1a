import { describe, expect, it, test } from 'vitest';
import { openWeightFiles } from '../../../src/forge/open-weights.ts';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import { memoryFolder, safetensorsBytes } from '../../fixtures/tiny-checkpoint.ts';
import { fixtureBytes } from './reader-fixtures.ts';

const one = (name: string, values: number[]) =>
  safetensorsBytes({ [name]: { dtype: 'F32', dims: [values.length], values: Float32Array.from(values) } });
const index = (map: unknown) =>
  new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 8 }, weight_map: map }));
const folder = (files: Record<string, Uint8Array>) => memoryFolder(new Map(Object.entries(files)));

describe('a checkpoint in several files', () => {
  it('is one source, whatever the parts are', async () => {
    const source = await openWeightFiles(
      folder({
        'unet/model.safetensors.index.json': index({ a: '1.safetensors', 'F32.scalar': '2.bin' }),
        'unet/1.safetensors': one('a', [1, 2]),
        'unet/2.bin': fixtureBytes('types.pt'),
      }),
      'unet/model.safetensors.index.json',
    );
    expect(source.name).toBe('checkpoint/unet/model.safetensors.index.json');
    expect([...source.shapes]).toEqual([
      ['a', [2]],
      ['F32.scalar', []],
    ]);
    expect([...(await source.read('a'))]).toEqual([1, 2]);
    expect([...(await source.readRows('a', 1, 1))]).toEqual([2]);
    expect([...(await source.read('F32.scalar'))]).toEqual([-1.5]);
    // It is in the second file, but the index does not name it.
    await expect(source.read('F32.random')).rejects.toMatchObject({
      code: 'weights-invalid',
      message: /no tensor F32/,
    });
    await expect(source.readRows('b', 0, 1)).rejects.toMatchObject({ code: 'weights-invalid', message: /no tensor b/ });
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    ['no JSON', '{"weight_map":', /not JSON/],
    ['null', 'null', /no weight_map/],
    ['no map', '{"weight_map": "a"}', /no weight_map/],
    ['an empty map', index({}), /no weight_map/],
    ['a path', index({ a: '../other.safetensors' }), /\.\.\/other\.safetensors, which is no file beside it/],
    ['the parent', index({ a: '..' }), /which is no file beside it/],
    ['no text', index({ a: { b: 1 } }), /which is no file beside it/],
    ['tensors that are not there', index({ b: 'x.bin', c: 'x.bin' }), /lack b \(x\.bin\), c \(x\.bin\)/],
    ['a damaged part', index({ b: 'y.bin' }), /checkpoint\/y\.bin is not a usable/],
  ])('is refused with an index of %s', async (_, text, message) => {
    const files = { 'i.index.json': Buffer.from(text), 'x.bin': one('a', [1]), 'y.bin': Buffer.from('y') };
    await expect(openWeightFiles(folder(files), 'i.index.json')).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  it('lists all parts that are missing', async () => {
    const files = { 'a/i.index.json': index({ a: '1.bin', b: '2.bin', c: '3.bin' }), 'a/2.bin': one('b', [1]) };
    await expect(openWeightFiles(folder(files), 'a/i.index.json')).rejects.toMatchObject({
      code: 'bundle-missing-file',
      details: { files: ['a/1.bin', 'a/3.bin'] },
    });
  });
});

test('one file, or none', async () => {
  const source = await openWeightFiles(folder({ 'lora.safetensors': one('a', [3]) }), 'lora.safetensors');
  expect([...(await source.read('a'))]).toEqual([3]);
  await expect(openWeightFiles(folder({}), 'lora.safetensors')).rejects.toMatchObject({ code: 'bundle-missing-file' });
  const access = bytesAccess('a', one('a', [1]));
  expect((await openWeightFiles({ open: () => Promise.resolve(access) }, 'a.bin')).shapes.has('a')).toBe(true);
});
