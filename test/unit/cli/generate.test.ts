import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runGenerate } from '../../../cli/generate.ts';
import { compileFolder } from '../../../cli/compile.ts';
import { nodeImageCodec } from '../../../cli/node-image-codec.ts';
import { makeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import { drawTinyFace } from '../../fixtures/tiny-face-networks.ts';

let folder: string;
let face: string;
let bundle: string;
let out: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-generate-'));
  bundle = join(folder, 'bundle');
  for (const [path, bytes] of makeTinyCheckpoint().files) {
    await mkdir(dirname(join(folder, 'checkpoint', path)), { recursive: true });
    await writeFile(join(folder, 'checkpoint', path), bytes);
  }
  await compileFolder({ base: join(folder, 'checkpoint'), out: bundle, precision: 'q8' });
  face = join(folder, 'face.png');
  const picture = await nodeImageCodec.encode(drawTinyFace(256), 'png');
  await writeFile(face, new Uint8Array(await picture.arrayBuffer()));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  out = await mkdtemp(join(folder, 'out-'));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});

const options = () => ['--bundle', bundle, '--out', out];

test('writes pictures of the asked size and what they were made with, without the face', async () => {
  await runGenerate([
    ...options(),
    '--image',
    face,
    '--prompt',
    'red',
    '--seed',
    '7',
    '--batch',
    '2',
    '--size',
    '300x260',
  ]);
  expect((await readdir(out)).sort()).toEqual(['0-7.png', '1-8.png', 'result.json']);
  const image = await nodeImageCodec.decode(new Blob([Uint8Array.from(await readFile(join(out, '1-8.png')))]));
  expect([image.width, image.height]).toEqual([300, 260]);
  const result = JSON.parse(await readFile(join(out, 'result.json'), 'utf8')) as { settings: object };
  expect(result).toMatchObject({
    images: [{ file: '0-7.png', seed: 7 }, { seed: 8 }],
    adjustments: expect.arrayContaining([expect.objectContaining({ reason: 'rendered-at-native-size' })]) as unknown,
    settings: { prompt: 'red', seed: 7, batch: 2, width: 300 },
  });
  expect(Object.keys(result.settings)).not.toContain('image');
});

test('a request file gives the fields, the command line counts more, and the same seed gives the same bytes', async () => {
  const request = join(folder, 'request.json');
  const data = `data:image/png;base64,${(await readFile(face)).toString('base64')}`;
  await writeFile(request, JSON.stringify({ image: data, prompt: 'blue', seed: 3, num_inference_steps: 3 }));
  await runGenerate([...options(), '--request', request, '--prompt', 'red', '--seed', '7']);
  await runGenerate([
    ...options(),
    '--image',
    face,
    '--prompt',
    'red',
    '--seed',
    '7',
    '--steps',
    '3',
    '--out',
    `${out}/two`,
  ]);
  expect(Buffer.compare(await readFile(join(out, '0-7.png')), await readFile(join(out, 'two/0-7.png')))).toBe(0);
});

test.each([
  [['--prompt', 'red'], /--image is needed/],
  [['--image', 'nowhere.png', '--prompt', 'red'], /--image nowhere\.png cannot be read \(ENOENT\)/],
  [['--image', 'FACE', '--prompt', 'red', '--seed', 'x'], /--seed needs a number, not "x"/],
  [['--image', 'FACE', '--prompt', 'red', '--size', '512'], /--size needs WIDTHxHEIGHT/],
  [['--image', 'FACE'], /prompt must be/],
  [['--image', 'FACE', '--prompt', 'red', '--steps', '99'], /steps must be/],
])('%j is refused', async (args, message) => {
  await expect(runGenerate([...options(), ...args.map((arg) => (arg === 'FACE' ? face : arg))])).rejects.toThrow(
    message,
  );
  expect(await readdir(out)).toEqual([]);
});

test('a picture without a face', async () => {
  const blank = join(folder, 'blank.png');
  const picture = { width: 64, height: 64, data: new Uint8ClampedArray(64 * 64 * 4).fill(128) };
  await writeFile(blank, new Uint8Array(await (await nodeImageCodec.encode(picture, 'png')).arrayBuffer()));
  await expect(runGenerate([...options(), '--image', blank, '--prompt', 'red'])).rejects.toMatchObject({
    code: 'no-face',
  });
});
