/** Published layouts from the command line: what is put together, what is told, and what is refused. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readCompileArguments, readLoraArgument, type CompileArguments } from '../../../cli/compile-options.ts';
import { compileFolder } from '../../../cli/compile.ts';
import { runGenerate } from '../../../cli/generate.ts';
import { nodeImageCodec } from '../../../cli/node-image-codec.ts';
import type { AppError } from '../../../src/domain/errors.ts';
import { openWeights } from '../../../src/forge/open-weights.ts';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import { hashWeight } from '../../fixtures/hash-weights.ts';
import { safetensorsBytes } from '../../fixtures/tiny-checkpoint.ts';
import { drawTinyFace, tinyEncoderModel } from '../../fixtures/tiny-face-networks.ts';
import { tinyYunetModel } from '../../fixtures/tiny-yunet.ts';

const FILES = 'test/fixtures/official';
const LORA = `${FILES}/lcm-lora/pytorch_lora_weights.safetensors`;

let folder: string;
let face: string;
let detector: string;
let faceEncoder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-official-'));
  face = await put(
    'face.png',
    new Uint8Array(await (await nodeImageCodec.encode(drawTinyFace(256), 'png')).arrayBuffer()),
  );
  detector = await put('yunet.onnx', tinyYunetModel());
  faceEncoder = await put('encoder.onnx', tinyEncoderModel(32));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => void vi.spyOn(console, 'log').mockImplementation(() => undefined));

async function put(path: string, bytes: Uint8Array | string): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
  return file;
}

let made = 0;
/** Compiles the base with the FaceID adapter, or with what is changed. */
async function compile(changes: Partial<CompileArguments> = {}) {
  const out = join(folder, `bundle-${made++}`);
  const notices: string[] = [];
  const wishes = { base: `${FILES}/base`, adapter: `${FILES}/ip-adapter-faceid.bin`, precision: 'q8', out } as const;
  const manifest = await compileFolder({ ...wishes, ...changes }, (notice) => notices.push(notice));
  return { out, manifest, notices };
}

/** What a compile that has to fail says; nothing is left of it. */
async function refused(changes: Partial<CompileArguments>): Promise<AppError> {
  const out = join(folder, 'refused', 'bundle');
  const error: unknown = await compile({ ...changes, out }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(await readdir(dirname(out)).catch(() => [])).toEqual([]);
  return error as AppError;
}

async function generate(bundle: string, ...more: string[]): Promise<{ likeness: number | null; pixels: Uint8Array }> {
  const out = await mkdtemp(join(folder, 'out-'));
  const options = ['--bundle', bundle, '--image', face, '--prompt', 'a red hat', '--steps', '2', '--seed', '7'];
  await runGenerate([...options, '--out', out, ...more]);
  const result = JSON.parse(await readFile(join(out, 'result.json'), 'utf8')) as {
    images: { likeness: number | null }[];
  };
  return { likeness: result.images[0]!.likeness, pixels: await readFile(join(out, '0-7.png')) };
}

const read = async (path: string) => openWeights(bytesAccess(path, await readFile(path)));

const tensors = (shapes: Record<string, readonly number[]>) =>
  safetensorsBytes(
    Object.fromEntries(
      Object.entries(shapes).map(([name, dims]) => [name, { dtype: 'F32', dims, values: hashWeight(name, dims) }]),
    ),
  );

describe('a bundle of published files', () => {
  test('FaceID with detector, encoder and LCM-LoRA says what its files say, and makes pictures', async () => {
    const { out, manifest, notices } = await compile({
      ...{ detector, faceEncoder, loras: [{ path: LORA, scale: 1 }] },
      card: { id: 'sd15', licences: [{ part: 'base', name: 'CreativeML OpenRAIL-M', commercialUse: true }] },
    });
    expect(manifest).toMatchObject({
      id: 'sd15',
      title: 'base',
      latent: { channels: 4, downscale: 8, factor: 0.18215 },
      native: { width: 256, height: 256, multiple: 8, areas: [] },
      text: { tokens: 16, width: 32, padTokenId: 520 },
      face: { embedding: 32, tokens: 4, detector: { decode: 'yunet', input: { order: 'bgr', mean: 0, width: 64 } } },
      schedule: { kind: 'lcm', setAlphaToOne: false, guidance: { default: 1, max: 2 }, steps: { default: 6 } },
    });
    expect(manifest.licences).toEqual([
      { part: 'base', name: 'CreativeML OpenRAIL-M', commercialUse: true },
      ...['adapter', 'lora pytorch_lora_weights.safetensors', 'detector', 'face-encoder'].map((part) => {
        return { part, name: 'unknown', commercialUse: false };
      }),
    ]);
    expect(manifest.quality).toMatchObject({
      quantisation: { denoiser: { worstTensor: expect.any(String) as unknown } },
    });
    expect(notices.join()).toMatch(/LCM-LoRA by its name.*licence of adapter, lora/);
    expect((await generate(out)).likeness).toEqual(expect.any(Number));
  });

  test('without LCM the base’s sampler is replaced by the nearest, and told', async () => {
    const { manifest, notices } = await compile();
    expect(manifest.schedule).toMatchObject({ kind: 'ddim', steps: { default: 25 }, guidance: { default: 6 } });
    expect(notices[0]).toMatch(/PNDMScheduler, is not built; ddim stands in/);
    expect(manifest.networks).not.toHaveProperty('faceDetector');
  });

  test('without face networks it works with a given embedding', async () => {
    const { out } = await compile();
    const numbers = Array.from({ length: 32 }, (_, i) => Math.sin(i));
    const embedding = await put('embedding.json', JSON.stringify(numbers));
    const doubled = await put('doubled.json', JSON.stringify(numbers.map((value) => 2 * value)));
    const other = await put('other.json', JSON.stringify(numbers.map((value, i) => value + (i % 3))));
    const [one, two, three] = [
      await generate(out, '--embedding', embedding),
      await generate(out, '--embedding', doubled),
      await generate(out, '--embedding', other),
    ];
    expect(one.likeness).toBeNull();
    expect(Buffer.compare(one.pixels, two.pixels)).toBe(0); // only its direction counts
    expect(Buffer.compare(one.pixels, three.pixels)).not.toBe(0);

    await expect(generate(out)).rejects.toMatchObject({ code: 'bundle-invalid', message: /no face detector/ });
    const short = await put('short.json', '[1, 2, 3]');
    await expect(generate(out, '--embedding', short)).rejects.toThrow(/embedding must be 32 numbers, not 3/);
    await expect(
      generate(out, '--embedding', await put('zero.json', JSON.stringify(numbers.map(() => 0)))),
    ).rejects.toThrow(/not all zero/);
    await expect(generate(out, '--embedding', await put('text.json', '["a"]'))).rejects.toThrow(/no list of numbers/);
  });

  test('with an encoder alone it works with a face placed by hand', async () => {
    const { out } = await compile({ faceEncoder });
    const points = [
      [96, 108],
      [160, 108],
      [128, 134],
      [108, 157],
      [148, 157],
    ].map(([x, y]) => ({ x, y }));
    const request = await put('request.json', JSON.stringify({ face_points: points.map(({ x, y }) => [x, y]) }));
    expect((await generate(out, '--request', request)).likeness).toBeNull();
  });

  test('plus-face looks at the face itself', async () => {
    const { out, manifest } = await compile({
      ...{ adapter: `${FILES}/ip-adapter-plus-face.safetensors`, imageEncoder: `${FILES}/image_encoder`, detector },
      ...{ autoencoder: [`${FILES}/taesd`], precision: 'q4' },
    });
    expect(manifest.face).toMatchObject({ tokens: 4, image: { size: 32, order: 'rgb' } });
    expect(manifest.face).not.toHaveProperty('embedding');
    expect(manifest.networks).toMatchObject({ imageEncoder: {}, resampler: { class: 'Resampler' } });
    await generate(out);
    const embedding = await put('embedding.json', '[1]');
    await expect(generate(out, '--embedding', embedding)).rejects.toThrow(/looks at the face itself/);
  });

  test('layers of the text encoder that are left out are not stored, and change what it says', async () => {
    const size = ({ manifest }: Awaited<ReturnType<typeof compile>>) =>
      manifest.files.find(({ path }) => path === 'weights/text_encoder.bin')!.bytes;
    const [whole, skipped] = [await compile(), await compile({ clipSkip: 1 })];
    expect(skipped.manifest.networks.textEncoder).toMatchObject({ config: { clip_skip: 1 } });
    expect(whole.manifest.networks.textEncoder).not.toMatchObject({ config: { clip_skip: 1 } });
    expect(size(skipped)).toBeLessThan(size(whole));
    const embedding = await put('embedding.json', JSON.stringify(Array.from({ length: 32 }, (_, i) => Math.cos(i))));
    const pictures = [
      await generate(whole.out, '--embedding', embedding),
      await generate(skipped.out, '--embedding', embedding),
    ];
    expect(Buffer.compare(pictures[0]!.pixels, pictures[1]!.pixels)).not.toBe(0);
    expect(await refused({ clipSkip: 9 })).toMatchObject({
      code: 'bundle-invalid',
      message: /clip_skip: 9 of \d+ layers cannot be left out/,
    });
  });

  test('TAESD’s original files, in any order', async () => {
    const [encoder, decoder] = [
      await put('taesd_encoder.safetensors', tensors(taesd(true))),
      await put('taesd_decoder.safetensors', tensors(taesd(false))),
    ];
    const { manifest } = await compile({ autoencoder: [decoder, encoder] });
    expect(manifest.latent).toMatchObject({ factor: 1, downscale: 8, channels: 4 });
    expect(manifest.networks.latentDecoder).toMatchObject({ class: 'AutoencoderTiny' });
    expect(await refused({ autoencoder: [decoder] })).toMatchObject({
      code: 'weights-invalid',
      message: /both halves of TAESD/,
    });
    expect(await refused({ autoencoder: [LORA, encoder] })).toMatchObject({ message: /no original TAESD file/ });
  }, 30_000);
});

/** Shapes of madebyollin/taesd 5cccb12's encoder or decoder. */
function taesd(encoder: boolean): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  const conv = (name: string, out: number, inputs: number, bias = true): void => {
    shapes[`${name}.weight`] = [out, inputs, 3, 3];
    if (bias) shapes[`${name}.bias`] = [out];
  };
  const block = (i: number): void => [0, 2, 4].forEach((part) => conv(`${i}.conv.${part}`, 64, 64));
  if (encoder) {
    conv('0', 64, 3);
    block(1);
    for (let level = 0; level < 3; level++) {
      conv(`${2 + 4 * level}`, 64, 64, false);
      [3, 4, 5].forEach((i) => block(i + 4 * level));
    }
    conv('14', 4, 64);
  } else {
    conv('1', 64, 4);
    for (let level = 0; level < 3; level++) {
      [3, 4, 5].forEach((i) => block(i + 5 * level));
      conv(`${7 + 5 * level}`, 64, 64, false);
    }
    block(18);
    conv('19', 3, 64);
  }
  return shapes;
}

describe('refusals', () => {
  test('everything that is missing, at once', async () => {
    const error = await refused({
      ...{ base: join(folder, 'nowhere'), adapter: 'none.bin', detector: 'none.onnx', faceEncoder: 'none2.onnx' },
      ...{ loras: [{ path: 'none.safetensors', scale: 1 }], autoencoder: ['none'], imageEncoder: 'none3' },
    });
    expect(error.code).toBe('bundle-missing-file');
    const all = [
      'unet/config.json',
      'text_encoder/model.safetensors',
      'tokenizer',
      'none.bin',
      'none.onnx',
      'none2.onnx',
    ];
    for (const file of [...all, 'none.safetensors', 'none/config.json', 'none3/config.json']) {
      expect(error.message).toContain(file);
    }
  });

  const projection = { 'image_proj.proj.0.weight': [64, 512], 'image_proj.proj.2.weight': [16 * 32, 64] };
  const layer = { 'ip_adapter.1.to_k_ip.weight': [16, 32] };
  test.each([
    ['no IP-Adapter', { 'conv.weight': [4, 4] }],
    ['FaceID-Plus', { ...projection, ...layer, 'image_proj.perceiver_resampler.proj_in.weight': [4, 4] }],
    ['FaceID-Portrait', { ...projection, ...layer, 'image_proj.norm.weight': [32] }],
    ['an adapter for SDXL', { ...projection, ...layer, 'image_proj.norm.weight': [2048] }],
    ['an adapter for SD1.5', { ...projection, ...layer, 'image_proj.norm.weight': [768] }],
    ['the plain IP-Adapter', { ...layer, 'image_proj.proj.weight': [128, 1024] }],
    ['full-face', { ...projection, ...layer, 'image_proj.proj.3.weight': [32] }],
    ['of a kind that is not known', { ...layer, 'image_proj.odd': [1] }],
  ])('an adapter that is %s', async (what, shapes) => {
    const adapter = await put('adapter.safetensors', tensors(shapes));
    const error = await refused({ adapter });
    expect(error).toMatchObject({ code: 'weights-invalid' });
    expect(error.message).toContain(what);
    expect(error.message).toMatch(/use ip-adapter-faceid_sd15/);
  });

  test('an adapter whose layers are another base’s', async () => {
    const source = await read(`${FILES}/ip-adapter-plus-face.safetensors`);
    const shapes = Object.fromEntries([...source.shapes].filter(([name]) => name !== 'ip_adapter.3.to_k_ip.weight'));
    const adapter = await put('short.safetensors', tensors({ ...shapes, 'ip_adapter.9.to_k_ip.weight': [16, 32] }));
    const error = await refused({ adapter, imageEncoder: `${FILES}/image_encoder` });
    expect(error.message).toMatch(/conditioner: ip_adapter\.3\.to_k_ip\.weight: missing/);
    expect(error.message).toMatch(/ip_adapter\.9\.to_k_ip\.weight: not a tensor/);
  });

  test('plus-face without its image encoder, FaceID with one, and one of another width', async () => {
    const adapter = `${FILES}/ip-adapter-plus-face.safetensors`;
    expect(await refused({ adapter })).toMatchObject({ message: /--image-encoder FOLDER is missing/ });
    expect(await refused({ imageEncoder: `${FILES}/image_encoder` })).toMatchObject({
      message: /takes a face embedding/,
    });
    const config = JSON.parse(await readFile(`${FILES}/image_encoder/config.json`, 'utf8')) as object;
    await put('wide/config.json', JSON.stringify({ ...config, hidden_size: 48 }));
    await put('wide/model.safetensors', await readFile(`${FILES}/image_encoder/model.safetensors`));
    expect(await refused({ adapter, imageEncoder: join(folder, 'wide') })).toMatchObject({
      message: /takes states 24 wide, but those of .*wide are 48 wide/,
    });
  });

  test('face networks that are others', async () => {
    const error = await refused({
      detector: await put('no-kps.onnx', tinyYunetModel(['kps_8', 'kps_32'])),
      faceEncoder: await put('long.onnx', tinyEncoderModel(128)),
    });
    expect(error).toMatchObject({ code: 'weights-invalid' });
    expect(error.message).toMatch(/no YuNet face detector: it has no outputs kps_8, kps_32/);
    expect(error.message).toMatch(/gives 128 numbers, but the adapter takes 32/);
    const swapped = await refused({ detector: faceEncoder, faceEncoder: detector });
    expect(swapped.message).toMatch(/encoder\.onnx is no YuNet.*yunet\.onnx has the outputs cls_8/s);
    const bytes = await readFile(detector);
    for (const length of [0, 1, 9, 100, bytes.length - 1]) {
      const cut = await put('cut.onnx', bytes.subarray(0, length));
      expect(await refused({ detector: cut }), String(length)).toMatchObject({ code: 'weights-invalid' });
    }
  });

  test('a LoRA’s keys without a place, unless they are to be left out', async () => {
    const source = await read(LORA);
    const stranger = { 'lora_unet_nowhere.lora_down.weight': [2, 16], 'lora_unet_nowhere.lora_up.weight': [16, 2] };
    const path = await put('stranger.safetensors', tensors({ ...Object.fromEntries(source.shapes), ...stranger }));
    const loras = [{ path, scale: 1 }];
    const error = await refused({ loras });
    expect(error).toMatchObject({ code: 'weights-invalid' });
    expect(error.message).toMatch(/2 keys have no place.*--allow-unmatched.*nowhere\.lora_down\.weight.*lora_up/);
    expect((await compile({ loras, allowUnmatched: true })).notices.join()).toMatch(
      /2 keys .* left out: lora_unet_nowhere/,
    );
  });

  test('a LoRA’s alpha in the notes of its file counts', async () => {
    const down = 'unet.mid_block.attentions.0.proj_in.lora_A.weight';
    const up = 'unet.mid_block.attentions.0.proj_in.lora_B.weight';
    const bytes = tensors({ [down]: [2, 32, 1, 1], [up]: [32, 2, 1, 1] });
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<string, object>;
    const write = (name: string, alpha: number): Promise<string> => {
      const note = JSON.stringify({ 'unet.r': 2, 'unet.lora_alpha': alpha });
      const text = Buffer.from(JSON.stringify({ ...header, __metadata__: { lora_adapter_metadata: note } }));
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(text.length));
      return put(name, Buffer.concat([size, text, bytes.subarray(8 + length)]));
    };
    const hashOf = async (name: string, alpha: number, scale: number): Promise<string> => {
      const { manifest } = await compile({ loras: [{ path: await write(name, alpha), scale }], precision: 'f32' });
      return manifest.files.find(({ path }) => path === 'weights/denoiser.bin')!.sha256;
    };
    expect(await hashOf('alpha-8.safetensors', 8, 1)).toBe(await hashOf('alpha-2.safetensors', 2, 4));
    expect(await hashOf('alpha-8.safetensors', 8, 1)).not.toBe(await hashOf('alpha-2.safetensors', 2, 1));
  });

  test('numbers that are none, all of them, and whole networks of another shape', async () => {
    for (const file of [
      'scheduler/scheduler_config.json',
      'text_encoder/config.json',
      'text_encoder/pytorch_model.bin',
    ]) {
      await put(`bad/${file}`, await readFile(`${FILES}/base/${file}`));
    }
    for (const file of ['vocab.json', 'merges.txt'])
      await put(`bad/tokenizer/${file}`, await readFile(`${FILES}/base/tokenizer/${file}`));
    const unet = await readFile(`${FILES}/base/unet/diffusion_pytorch_model.fp16.safetensors`);
    const config = JSON.parse(await readFile(`${FILES}/base/unet/config.json`, 'utf8')) as object;
    await put('bad/unet/config.json', JSON.stringify(config));
    const length = Number(unet.readBigUInt64LE(0));
    const header = JSON.parse(unet.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: number[] }>;
    for (const name of ['conv_in.weight', 'conv_out.bias']) {
      unet.writeUInt16LE(0x7e00, 8 + length + header[name]!.data_offsets[0]!);
    }
    await put('bad/unet/diffusion_pytorch_model.safetensors', unet);
    const changes = { base: join(folder, 'bad'), autoencoder: [`${FILES}/taesd`] };
    const error = await refused(changes);
    expect(error.message).toMatch(/conv_in\.weight holds NaN.*conv_out\.bias holds NaN/s);

    await put('bad/unet/config.json', JSON.stringify({ ...config, in_channels: 9, cross_attention_dim: 48 }));
    const other = await refused(changes);
    expect(other.message).toMatch(/9 in_channels are an inpainting model.*for another base/s);
  });
});

describe('the words of the command line', () => {
  test.each([
    ['a.safetensors', 'a.safetensors', 1],
    ['a.safetensors:0.5', 'a.safetensors', 0.5],
    ['C:\\loras\\a.safetensors', 'C:\\loras\\a.safetensors', 1],
    ['C:\\loras\\a.safetensors:-1', 'C:\\loras\\a.safetensors', -1],
    ['b:c.bin:.75', 'b:c.bin', 0.75],
  ])('--lora %s', (argument, path, scale) => {
    expect(readLoraArgument(argument)).toEqual({ path, scale });
  });

  const given = ['--base', 'b', '--out', 'o'];
  test('all of them', () => {
    const lora = ['--lora', 'x:2', '--lora', 'y', '--licence', 'lora=MIT:commercial', '--licence', 'base=Own: a, b'];
    expect(readCompileArguments([...given, ...lora, '--scheduler', 'lcm', '--steps', '4'])).toMatchObject({
      loras: [{ scale: 2 }, { path: 'y' }],
      card: {
        licences: [
          { part: 'lora', name: 'MIT', commercialUse: true },
          { part: 'base', name: 'Own: a, b', commercialUse: false },
        ],
        scheduler: 'lcm',
        steps: 4,
      },
    });
  });

  test.each([
    [['--id', 'Not This'], /lower-case letters/],
    [['--licence', 'nose=MIT'], /PART of base, adapter/],
    [['--steps', '0'], /from 1 to 50/],
    [['--guidance', 'much'], /needs a number/],
    [['--clip-skip', '0.5'], /whole number from 0/],
    [['--scheduler', 'pndm'], /must be ddim, lcm/],
  ])('%j is not understood', (args, message) => {
    expect(() => readCompileArguments([...given, ...args])).toThrow(message);
  });
});
