import { describe, expect, it } from 'vitest';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import type { GenerateInput } from '../../../src/pipeline/run.ts';
import { drawSquares, FakeRunner, makeFakeBundle } from './fake-bundle.ts';
import { failure, run } from './run-generate.ts';

describe('generate: likeness', () => {
  it('draws again with the next noise, keeps the likest and stops at maxAttempts', async () => {
    const request = { minLikeness: 0.999999, maxAttempts: 3, denoise: 0.3, steps: 2, width: 128, height: 128 };
    const { outcome, runner, events } = await run({ request });
    expect(runner.count('latentDecoder')).toBe(3);
    const shares = events.flatMap((event) => (event.type === 'progress' ? [event.progress.progress] : []));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(runner.count('latentEncoder')).toBe(1);
    const once = await run({ request: { ...request, minLikeness: null } });
    expect(once.runner.count('latentDecoder')).toBe(1);
    expect(outcome.images[0]!.likeness ?? -1).toBeGreaterThanOrEqual(once.outcome.images[0]!.likeness ?? -1);
    expect(outcome.images[0]!.seed).toBe(1);
    expect((await run({ request })).pixels[0]).toEqual(outcome.images[0]!.image.data);
  });

  it('stops as soon as an image is like the person', async () => {
    const { runner } = await run({
      request: { minLikeness: -1, maxAttempts: 5, denoise: 0.02, width: 128, height: 128 },
    });
    expect(runner.count('latentDecoder')).toBe(1);
  });

  it('draws once where there is no person to be like', async () => {
    const { runner } = await run({ request: { faceStrength: 0, minLikeness: 0.9, maxAttempts: 3 } });
    expect(runner.count('latentDecoder')).toBe(1);
  });

  it('gives null where no face is found in the result', async () => {
    const runner = new FakeRunner();
    const answer = runner.run.bind(runner);
    runner.run = async (role, feeds, options) => {
      const outputs = await answer(role, feeds, options);
      return role === 'latentDecoder'
        ? { image: float32Tensor(new Float32Array(3 * 64 * 64), [1, 3, 64, 64]) }
        : outputs;
    };
    const { outcome } = await run({ request: { minLikeness: 0, maxAttempts: 2 }, input: { runner } });
    expect(runner.count('latentDecoder')).toBe(2);
    expect(outcome.images[0]!.likeness).toBeNull();
  });
});

describe('generate: the face', () => {
  const two = drawSquares(128, 128, [
    { x: 8, y: 16, side: 32 },
    { x: 64, y: 48, side: 48 },
  ]);

  it('takes the largest of several, or the one asked for, and tells all', async () => {
    for (const faceIndex of [null, 1]) {
      const { events } = await run({ request: { faceIndex }, input: { reference: two } });
      const found = events.find((event) => event.type === 'faces')!;
      expect(found.chosen).toBe(faceIndex ?? 0);
      expect(found.faces.map(({ box }) => Math.round(box.left / 8) * 8)).toEqual([64, 8]);
    }
  });

  it('says how many faces there are when faceIndex is too high', async () => {
    const error = await failure({ request: { faceIndex: 2 }, input: { reference: two } });
    expect(error.code).toBe('invalid-request');
    expect(error.details).toMatchObject({ found: 2, problems: [{ field: 'faceIndex' }] });
  });

  it('fails with no-face when there is none, unless no face is wanted', async () => {
    const reference = drawSquares(64, 64, []);
    expect((await failure({ input: { reference } })).code).toBe('no-face');
    const keeping = { faceStrength: 0, keepBackground: true };
    expect((await failure({ request: keeping, input: { reference } })).code).toBe('no-face');
    const { outcome, events } = await run({ request: { faceStrength: 0 }, input: { reference } });
    expect(outcome.images).toHaveLength(1);
    expect(events.find((event) => event.type === 'faces')).toMatchObject({ faces: [], chosen: -1 });
  });

  it('takes a face placed by hand without looking for one', async () => {
    const reference = drawSquares(64, 64, []);
    const facePoints = [
      { x: 20, y: 20 },
      { x: 40, y: 20 },
      { x: 30, y: 30 },
      { x: 22, y: 42 },
      { x: 38, y: 42 },
    ] as const;
    const { runner, reasons } = await run({ request: { facePoints, faceIndex: 3 }, input: { reference } });
    expect(runner.calls[0]!.role).toBe('faceEncoder');
    expect(reasons).toContain('placed-face-used');
  });

  it('refuses a face placed outside of the picture', async () => {
    const reference = drawSquares(64, 64, []);
    const far = { x: 900, y: 900 };
    const facePoints = [far, { x: 940, y: 900 }, far, far, far] as const;
    const error = await failure({ request: { facePoints }, input: { reference } });
    expect(error).toMatchObject({ code: 'invalid-request', details: { problems: [{ field: 'facePoints' }] } });
    expect(error.message).toContain('64 × 64');
  });

  it('describes the person by the mean over all references, each of which needs a face', async () => {
    const other = drawSquares(96, 96, [{ x: 16, y: 16, side: 64 }]);
    const embedding = async (input: Partial<GenerateInput>) => {
      const { runner } = await run({ input });
      return runner.calls.find(({ role }) => role === 'conditioner')!.feeds['face']!.data as Float32Array;
    };
    const first = await embedding({});
    const second = await embedding({ reference: other });
    const mean = await embedding({ moreReferences: [other] });
    const sum = first.map((value, i) => value + second[i]!);
    const length = Math.hypot(...sum);
    mean.forEach((value, i) => expect(value).toBeCloseTo(sum[i]! / length, 5));

    const error = await failure({ input: { moreReferences: [other, drawSquares(64, 64, [])] } });
    expect(error).toMatchObject({ code: 'no-face', details: { reference: 3 } });
  });

  it('asks for points where the bundle has no detector', async () => {
    const { face } = (await makeFakeBundle()).manifest;
    const without: Partial<typeof face> = { ...face };
    delete without.detector;
    expect((await failure({ manifest: { face: without as typeof face } })).message).toMatch(/facePoints/);
  });
});
