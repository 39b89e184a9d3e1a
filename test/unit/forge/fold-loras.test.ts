import { describe, expect, test } from 'vitest';
import type { MatMul } from '../../../src/domain/ports.ts';
import { foldLoras } from '../../../src/forge/fold-loras.ts';
import { isFaceLora, readLora } from '../../../src/forge/lora.ts';
import { plainMatMul } from '../../../src/forge/plain-mat-mul.ts';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import { openSafetensors, type WeightSource } from '../../../src/forge/safetensors.ts';
import { elementCount } from '../../../src/domain/tensor.ts';
import { memoryWeights } from '../../fixtures/memory-weights.ts';
import { hashUniform, hashWeight } from '../../fixtures/hash-weights.ts';
import { safetensorsBytes } from '../../fixtures/tiny-checkpoint.ts';

type Shapes = Record<string, number[]>;

const memorySource = (name: string, shapes: Shapes, values: Record<string, Float32Array> = {}): WeightSource =>
  memoryWeights(name, shapes, (key, dims) => (values[key] ?? hashWeight(key, dims)).slice());

const QUERY = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const CONV = 'down_blocks.0.resnets.0.conv1';
const WORD = 'text_model.encoder.layers.0.self_attn.q_proj';
const BASE: Shapes = {
  [`${QUERY}.weight`]: [12, 8],
  [`${CONV}.weight`]: [6, 5, 3, 3],
  [`${CONV}.bias`]: [6],
  'down_blocks.0.attentions.0.proj_in.weight': [8, 8, 1, 1],
};
const base = {
  unet: memorySource('unet', BASE),
  textEncoder: memorySource('text encoder', { [`${WORD}.weight`]: [4, 4] }),
};
const pair = (name: string, down: number[], up: number[]): Shapes => ({
  [`${name}.lora_down.weight`]: down,
  [`${name}.lora_up.weight`]: up,
});
const kohya = (module: string) => `lora_unet_${module.replaceAll('.', '_')}`;
const open = (shapes: Shapes, values?: Record<string, Float32Array>) =>
  readLora(memorySource('style.safetensors', shapes, values));
const fold = (shapes: Shapes, scale = 1) => foldLoras(base, [{ lora: open(shapes), scale }]);
const queryPair = pair(kohya(QUERY), [2, 8], [12, 2]);

describe('keys', () => {
  test.each([
    `base_model.model.${QUERY}`,
    `base_model.model.unet.${QUERY}`,
    `unet.${QUERY}`,
    QUERY,
    kohya(QUERY),
    'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q',
  ])('%s is the same layer', async (name) => {
    const keys = [`${name}.lora_A.default.weight`, `${name}.lora_B.default.weight`] as const;
    const values = { [keys[0]]: new Float32Array(16).fill(0.5), [keys[1]]: new Float32Array(24).fill(0.25) };
    const lora = open({ [keys[0]]: [2, 8], [keys[1]]: [12, 2] }, values);
    const { unet, unmatched } = foldLoras(base, [{ lora, scale: 2 }]);
    expect(unmatched).toEqual([]);
    const expected = hashWeight(`${QUERY}.weight`, [12, 8]).map((value) => value + 2 * 2 * 0.5 * 0.25);
    expect(await unet.read(`${QUERY}.weight`)).toEqual(expected);
  });

  test('unknown ones and those without a place are listed', () => {
    const { unmatched } = fold({
      ...queryPair,
      ...pair('lora_unet_down_blocks_7_conv', [2, 8], [12, 2]),
      ...pair('lora_te_text_model_encoder_layers_9_mlp_fc1', [2, 8], [12, 2]),
      'something.else': [3],
    });
    expect(unmatched.map(({ key }) => key).sort()).toEqual([
      'lora_te_text_model_encoder_layers_9_mlp_fc1.lora_down.weight',
      'lora_te_text_model_encoder_layers_9_mlp_fc1.lora_up.weight',
      'lora_unet_down_blocks_7_conv.lora_down.weight',
      'lora_unet_down_blocks_7_conv.lora_up.weight',
      'something.else',
    ]);
    expect(unmatched[0]!.lora).toBe('style.safetensors');
  });

  test('a layer named twice is folded once', () => {
    const original = pair('lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q', [2, 8], [12, 2]);
    expect(fold({ ...queryPair, ...original }).unmatched.map(({ key }) => key)).toEqual(Object.keys(original));
  });

  test('linear layers and 1×1 convolutions stand for each other', async () => {
    const name = 'down_blocks.0.attentions.0.proj_in';
    const asLinear = await fold(pair(`unet.${name}`, [3, 8], [8, 3])).unet.read(`${name}.weight`);
    const asConv = await fold(pair(`unet.${name}`, [3, 8, 1, 1], [8, 3, 1, 1])).unet.read(`${name}.weight`);
    expect(asConv).toEqual(asLinear);
    expect(asLinear).not.toEqual(hashWeight(`${name}.weight`, [8, 8, 1, 1]));
  });

  test('face adapters have a LoRA or none', () => {
    const projections = { 'image_proj.norm.weight': [4], 'ip_adapter.1.to_k_ip.weight': [8, 4] };
    expect(Object.keys(projections).some(isFaceLora)).toBe(false);
    const face = { 'ip_adapter.0.to_q_lora.down.weight': [2, 8], 'ip_adapter.0.to_q_lora.up.weight': [12, 2] };
    expect(Object.keys(face).every(isFaceLora)).toBe(true);
    expect(fold({ ...projections, ...face }).unmatched).toEqual([]);
  });
});

describe('folding', () => {
  test('row by row gives the same as the whole, and reads each factor once', async () => {
    const layers = { ...queryPair, ...pair(kohya(CONV), [2, 5, 3, 3], [6, 2, 1, 1]) };
    let reads = 0;
    const inner = memorySource('style.safetensors', layers);
    const lora = readLora({ ...inner, read: (key) => (reads++, inner.read(key)) });
    const { unet } = foldLoras(base, [{ lora, scale: 0.5 }]);
    for (const name of [`${QUERY}.weight`, `${CONV}.weight`]) {
      const whole = await unet.read(name);
      const before = reads;
      const rows = BASE[name]![0]!;
      const parts = [await unet.readRows(name, 0, 5), await unet.readRows(name, 5, rows - 5)];
      expect(Float32Array.from(parts.flatMap((part) => [...part]))).toEqual(whole);
      expect(reads).toBe(before);
    }
    expect(await unet.read(`${CONV}.bias`)).toEqual(hashWeight(`${CONV}.bias`, [6]));
  });

  test('asks for products of bounded size', async () => {
    const wide = { 'conv_in.weight': [40, 200_000] };
    const sizes: number[] = [];
    const matMul: MatMul = {
      multiply: async (a, b, width) => {
        const product = await plainMatMul.multiply(a, b, width);
        sizes.push(product.byteLength);
        return product;
      },
    };
    const zeros = (name: string, dims: number[]) => ({ [name]: new Float32Array(elementCount(dims)) });
    const unet = memorySource('unet', wide, zeros('conv_in.weight', [40, 200_000]));
    const keys = pair('unet.conv_in', [1, 200_000], [40, 1]);
    const lora = open(keys, { 'unet.conv_in.lora_down.weight': new Float32Array(200_000).fill(3) });
    await foldLoras({ ...base, unet }, [{ lora, scale: 1 }], { matMul }).unet.read('conv_in.weight');
    expect(sizes.length).toBe(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  test('NaN is told by its key when it is read', async () => {
    const factors = { down: new Float32Array(16).fill(NaN), up: new Float32Array(24) };
    const bytes = safetensorsBytes({
      [`unet.${QUERY}.lora_A.weight`]: { dtype: 'F32', dims: [2, 8], values: factors.down },
      [`unet.${QUERY}.lora_B.weight`]: { dtype: 'F32', dims: [12, 2], values: factors.up },
    });
    const lora = readLora(await openSafetensors(bytesAccess('style.safetensors', bytes)));
    const { unet } = foldLoras(base, [{ lora, scale: 1 }]);
    await expect(unet.read(`${QUERY}.weight`)).rejects.toMatchObject({
      code: 'weights-invalid',
      message: /to_q\.lora_A\.weight holds NaN/,
    });
  });

  test.each([
    [1, 1, 1],
    [3, 7, 5],
    [4, 8, 6],
    [5, 19, 33],
  ])('plain product of [%i, %i] and [… , %i]', async (rows, inner, columns) => {
    const a = Float32Array.from(hashUniform('a', rows * inner));
    const b = Float32Array.from(hashUniform('b', inner * columns));
    const product = await plainMatMul.multiply(a, b, inner);
    expect(product.length).toBe(rows * columns);
    product.forEach((value, i) => {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += a[Math.floor(i / columns) * inner + k]! * b[k * columns + (i % columns)]!;
      }
      expect(value).toBeCloseTo(sum, 5);
    });
  });
});

describe('refusals', () => {
  const refusal = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error;
    }
  };
  const name = kohya(QUERY);
  test.each<[string, Shapes, RegExp]>([
    ['nothing of a LoRA', { 'conv_in.weight': [4, 4] }, /none of its 1 keys belongs to a LoRA \(the first is conv_in/],
    ['no keys', {}, /none of its 0 keys/],
    ['no up', { [`${name}.lora_down.weight`]: [2, 8] }, /attn1_to_q: up is missing/],
    ['no down', { [`${name}.lora_up.weight`]: [12, 2], ...pair('a', [1, 1], [1, 1]) }, /attn1_to_q: down is missing/],
    ['alpha alone', { ...pair('a', [1, 1], [1, 1]), 'b.alpha': [] }, /b: both halves are missing/],
    ['ranks that differ', pair(name, [2, 8], [12, 3]), /ranks of down \[2, 8\] and up \[12, 3\] differ/],
    ['an up that is a convolution', pair(name, [2, 8, 3, 3], [12, 2, 3, 3]), /up \[12, 2, 3, 3\] is no 1×1/],
    ['a vector', pair(name, [2], [12, 2]), /no linear layer and no convolution/],
    ['an empty matrix', pair(name, [0, 8], [12, 0]), /no linear layer and no convolution/],
    ['alphas', { ...queryPair, [`${name}.alpha`]: [2] }, /alpha \[2\] is no single number/],
    ['a middle that does not fit', { ...queryPair, [`${name}.lora_mid.weight`]: [3, 2, 3, 3] }, /mid \[3, 2, 3, 3\]/],
    ['LoHa', { [`${name}.hada_w1_a`]: [2, 8], [`${name}.alpha`]: [] }, /LoHa/],
    ['LoKr', { [`${name}.lokr_w1`]: [2, 8] }, /LoKr/],
    ['GLoRA', { [`${name}.a1.weight`]: [2, 8] }, /GLoRA/],
    ['OFT', { [`${name}.oft_blocks`]: [2, 8, 8] }, /OFT/],
    ['IA³', { [`${name}.on_input`]: [], [`${name}.weight`]: [8] }, /IA³/],
    ['a whole difference', { ...queryPair, 'lora_unet_conv_in.diff': [4, 4] }, /whole differences/],
    ['biases', { ...queryPair, [`${name}.lora_up.bias`]: [12] }, /biases/],
    ['SDXL by its second text encoder', { ...queryPair, ...pair('lora_te2_text_projection', [2, 8], [12, 2]) }, /SDXL/],
    ['SDXL by its depth', pair('unet.mid_block.attentions.0.transformer_blocks.4.attn1.to_q', [2, 8], [12, 2]), /SDXL/],
    ['SDXL by its text width', pair(`unet.${QUERY.replace('attn1.to_q', 'attn2.to_k')}`, [2, 2048], [12, 2]), /SDXL/],
    ['Flux', pair('lora_unet_double_blocks_0_img_attn_proj', [2, 8], [12, 2]), /transformer model such as Flux/],
    ['Stable Diffusion 3', pair('transformer.transformer_blocks.0.attn.to_q', [2, 8], [12, 2]), /transformer model/],
  ])('%s', (_, shapes, message) => {
    expect(refusal(() => open(shapes))).toMatchObject({ code: 'weights-invalid', message });
  });

  test('all broken layers at once', () => {
    const broken = { ...pair('a', [2, 8], [12, 3]), ...pair('b', [2], [12, 2]), ...queryPair };
    expect(() => open(broken)).toThrow(/a: the ranks.*; b: down/);
  });

  test.each<[string, Shapes, RegExp]>([
    ['other widths', pair(name, [2, 1024], [12, 2]), /do not fit this model.*\[12, 1024\].*\[12, 8\]/],
    ['another kernel', pair(kohya(CONV), [2, 5], [6, 2]), /changes \[6, 5\], the model has \[6, 5, 3, 3\]/],
    ['no layer in common', pair('lora_unet_elsewhere', [2, 8], [12, 2]), /none of its 1 layers is in this model/],
    ['DoRA over inputs', { ...queryPair, [`${name}.dora_scale`]: [1, 8] }, /DoRA over inputs cannot be folded/],
  ])('%s', (_, shapes, message) => {
    expect(refusal(() => fold(shapes))).toMatchObject({ code: 'weights-invalid', message });
  });
});
