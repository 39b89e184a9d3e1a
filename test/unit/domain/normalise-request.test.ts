import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/domain/errors.ts';
import {
  normaliseRequest,
  resolveAppId,
  type FieldProblem,
  type RequestInput,
} from '../../../src/domain/normalise-request.ts';
import type { ModelLimits } from '../../../src/domain/request-fields.ts';

const MODEL: ModelLimits = {
  id: 'starter',
  native: { width: 256, height: 256 },
  steps: { default: 8, min: 2, max: 40 },
  guidance: { default: 1, smallestUseful: 1.5, max: 4 },
  strength: 0.15,
  faceStrength: 1,
  scheduler: 'ddim',
};
const LEAST: RequestInput = { image: 'https://example.org/me.jpg', prompt: 'a smiling portrait' };
const FACE = [
  [10, 10],
  [30, 10],
  [20, 20],
  [12, 30],
  [28, 30],
];

const normalise = (input: RequestInput) => normaliseRequest(input, MODEL, () => 7);

function problems(input: RequestInput): string[] {
  try {
    normalise(input);
  } catch (error) {
    if (isAppError(error, 'invalid-request'))
      return (error.details.problems as FieldProblem[]).map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('normaliseRequest', () => {
  it('fills every default from the model', () => {
    const { request, adjustments } = normalise(LEAST);
    expect(adjustments).toEqual([]);
    expect(request).toEqual({
      appId: 'starter',
      image: { kind: 'url', url: 'https://example.org/me.jpg' },
      referenceImages: [],
      prompt: 'a smiling portrait',
      negativePrompt: '',
      batch: 1,
      width: 256,
      height: 256,
      steps: 8,
      guidanceScale: 1,
      strength: 0.15,
      denoise: 1 - 0.9 * 0.15,
      faceStrength: 1,
      faceIndex: null,
      facePoints: null,
      keepBackground: false,
      minLikeness: null,
      maxAttempts: 3,
      seed: 7,
      scheduler: 'ddim',
      inferenceType: 'a100',
      celery: false,
      outputFormat: 'png',
    });
  });

  it.each([
    ['batch', 1, 8],
    ['width', 256, 1536],
    ['height', 256, 1536],
    ['guidanceScale', 1, 30],
    ['strength', 0, 1],
    ['denoise', 0, 1],
    ['faceStrength', 0, 2],
    ['faceIndex', 0, 99],
    ['minLikeness', -1, 1],
    ['maxAttempts', 1, 10],
    ['seed', 0, 4294967295],
    ['steps', 1, 50],
  ] as const)('%s takes both ends and nothing beyond', (field, low, high) => {
    expect(problems({ ...LEAST, [field]: low })).toEqual([]);
    expect(problems({ ...LEAST, [field]: high })).toEqual([]);
    for (const wrong of [low - 1, high + 1, Number.NaN, Infinity, String(low), true]) {
      expect(problems({ ...LEAST, [field]: wrong })).toEqual([field]);
    }
  });

  it.each([
    ['prompt', ['', '   ', 'x'.repeat(4001), 5]],
    ['negativePrompt', ['x'.repeat(4001), 5]],
    ['image', ['', 'ftp://example.org/a.png', 'https://', 'me.jpg', 3, {}]],
    ['referenceImages', ['x', [3], Array.from({ length: 9 }, () => 'https://example.org/a.png')]],
    ['facePoints', [[[1, 2]], 'x', FACE.map(() => [5, 5]), [...FACE.slice(1), [Number.NaN, 0]]]],
    ['scheduler', ['pndm']],
    ['inferenceType', ['b200']],
    ['outputFormat', ['gif']],
    ['celery', ['yes']],
    ['keepBackground', [1]],
    ['batch', [1.5]],
  ] as const)('%s: wrong values are named', (field, wrong) => {
    for (const value of wrong) expect(problems({ ...LEAST, [field]: value })).toEqual([field]);
  });

  it('names all bad fields at once, and the missing ones', () => {
    expect(problems({ batch: 9, width: 10 })).toEqual(['image', 'prompt', 'batch', 'width']);
  });

  it('takes files, data: and blob: URLs and face points as pairs or objects', () => {
    const blob = new Blob(['x']);
    expect(normalise({ ...LEAST, image: blob }).request.image).toEqual({ kind: 'blob', blob });
    expect(problems({ ...LEAST, image: 'data:image/png;base64,AAAA' })).toEqual([]);
    expect(problems({ ...LEAST, image: 'blob:https://example.org/1234' })).toEqual([]);
    expect(normalise({ ...LEAST, facePoints: FACE }).request.facePoints?.[2]).toEqual({ x: 20, y: 20 });
    expect(problems({ ...LEAST, facePoints: FACE.map(([x, y]) => ({ x, y })) })).toEqual([]);
  });

  it('denoise follows strength unless given', () => {
    expect(normalise({ ...LEAST, strength: 0 }).request.denoise).toBe(1);
    expect(normalise({ ...LEAST, strength: 1 }).request.denoise).toBeCloseTo(0.1, 12);
    expect(normalise({ ...LEAST, strength: 1, denoise: 0.5 }).request.denoise).toBe(0.5);
  });

  it('tells what it changed to fit the model', () => {
    const tooMuch = normalise({ ...LEAST, guidanceScale: 7.5, steps: 50 });
    expect(tooMuch.request).toMatchObject({ guidanceScale: 4, steps: 40 });
    expect(tooMuch.adjustments).toEqual([
      { field: 'steps', from: 50, to: 40, reason: 'steps-limited-by-bundle' },
      { field: 'guidanceScale', from: 7.5, to: 4, reason: 'guidance-mapped-to-bundle' },
    ]);
    const negative = normalise({ ...LEAST, negativePrompt: 'glasses' });
    expect(negative.request.guidanceScale).toBe(1.5);
    expect(negative.adjustments[0]?.reason).toBe('negative-prompt-needs-guidance');
    const tiny = normalise({ ...LEAST, denoise: 0 });
    expect(tiny.request.denoise).toBe(0.008);
    expect(tiny.adjustments[0]?.reason).toBe('denoise-raised-to-steps');
  });
});

describe('resolveAppId', () => {
  it('knows ids, the default and the hosted alias', () => {
    expect(resolveAppId(undefined, ['starter'], 'starter')).toBe('starter');
    expect(resolveAppId('ap-SwsTOsD7STxJ0obCkskUHw', ['starter'], 'starter')).toBe('starter');
    expect(resolveAppId('other', ['starter', 'other'], 'starter')).toBe('other');
  });

  it('refuses others and names what is known', () => {
    expect(() => resolveAppId('nope', ['starter'], 'starter')).toThrow(/"nope"; known: starter/);
    expect(() => resolveAppId({}, ['starter'], 'starter')).toThrow(/known: starter/);
  });
});
