/**
 * Folded weights against diffusers' fuse_lora. The bar is 1e-5 of a weight's largest value; measured: at most
 * 1.9e-7 in every case. Fixture: make_lora_fixtures.py.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementCount } from '../../src/domain/tensor.ts';
import { foldLoras } from '../../src/forge/fold-loras.ts';
import { readLora } from '../../src/forge/lora.ts';
import { hashUniform, hashWeight } from '../fixtures/hash-weights.ts';
import { memoryWeights } from '../fixtures/memory-weights.ts';

type Shapes = Record<string, number[]>;
interface Fixture {
  shapes: { unet: Shapes; textEncoder: Shapes };
  loras: Record<string, Shapes>;
  /** The one whose alphas differ. */
  manyAlphas: string;
  /** What lies beside the LoRA in a FaceID file. */
  faceRest: Shapes;
  /** peft's configuration in the file's notes. */
  metadata: Record<string, unknown>;
  cases: {
    title: string;
    loras: [string, number][];
    changed: Record<string, { largest: number; sum: number; values: string }>;
  }[];
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/parity/lora.json', import.meta.url), 'utf8')) as Fixture;
const TOLERANCE = 1e-5;

/** Same numbers as `tensor` in make_lora_fixtures.py. */
function loraNumbers(lora: string, key: string, dims: number[]): Float32Array {
  const uniform = hashUniform(key, elementCount(dims));
  if (key.endsWith('.alpha')) {
    return Float32Array.from(uniform, (u) => (lora === fixture.manyAlphas ? Math.round(4.5 + 3.5 * u) : 3));
  }
  return Float32Array.from(uniform, (u) => (key.includes('magnitude') ? 1 + 0.5 * u : 0.5 * u));
}

function openLora(name: string) {
  const rest = name === 'FaceID' ? fixture.faceRest : {};
  const note = fixture.metadata[name];
  const file = memoryWeights(name, { ...rest, ...fixture.loras[name] }, (key, dims) => loraNumbers(name, key, dims));
  return readLora(file, note === undefined ? {} : { lora_adapter_metadata: JSON.stringify(note) });
}

const baseWeights = new Map<string, Float32Array>();

function baseWeight(name: string, dims: number[]): Float32Array {
  const known = baseWeights.get(name) ?? hashWeight(name, dims);
  baseWeights.set(name, known);
  return known;
}

function base() {
  const copied = (name: string, dims: number[]) => baseWeight(name, dims).slice();
  return {
    unet: memoryWeights('unet', fixture.shapes.unet, copied),
    textEncoder: memoryWeights('text encoder', fixture.shapes.textEncoder, copied),
  };
}

/** Largest difference of the sampled values and of the sum's mean, as a part of the weight's largest value. */
function difference(actual: Float32Array, expected: Fixture['cases'][number]['changed'][string]): number {
  const values = new Float32Array(Uint8Array.from(Buffer.from(expected.values, 'base64')).buffer);
  const last = values.length - 1;
  let worst = Math.abs(actual.reduce((sum, value) => sum + value, 0) - expected.sum) / actual.length;
  values.forEach((value, i) => {
    const own = actual[Math.floor((i * (actual.length - 1)) / last)]!;
    worst = Math.max(worst, Number.isFinite(own) ? Math.abs(own - value) : Infinity);
  });
  return worst / expected.largest;
}

describe('folded weights equal diffusers and peft', () => {
  for (const { title, loras, changed } of fixture.cases) {
    it(title, async () => {
      const folded = foldLoras(
        base(),
        loras.map(([name, scale]) => ({ lora: openLora(name), scale })),
      );
      expect(folded.unmatched).toEqual([]);
      let worst = 0;
      for (const network of ['unet', 'textEncoder'] as const) {
        for (const [tensor, dims] of Object.entries(fixture.shapes[network])) {
          const values = await folded[network].read(tensor);
          const expected = changed[`${network}/${tensor}`];
          if (expected === undefined) {
            const untouched = Buffer.from(baseWeight(tensor, dims).buffer);
            expect(untouched.equals(new Uint8Array(values.buffer)), tensor).toBe(true);
          } else worst = Math.max(worst, difference(values, expected));
        }
      }
      expect(worst).toBeLessThan(TOLERANCE);
    });
  }
});
