import { describe, expect, it } from 'vitest';
import { computeBudget, type ComputeBudget } from '../../../src/domain/compute-budget.ts';
import { isAppError, type AppError } from '../../../src/domain/errors.ts';
import type { GenerationRequest } from '../../../src/domain/request.ts';
import type { GenerationEvent, TaskProgress } from '../../../src/domain/task.ts';
import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import type { GenerateInput } from '../../../src/pipeline/run.ts';
import { openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { drawSquares, FakeRunner, makeFakeBundle } from './fake-bundle.ts';
import { makeRequest } from './make-request.ts';

const DEVICE = { kind: 'wasm', cores: 4, crossOriginIsolated: true } as const;
const RESIDENT = computeBudget('a100', DEVICE);
const TOGETHER = computeBudget('h100', DEVICE);
const ECONOMY = computeBudget('a10g', DEVICE);
const ONE_FACE = drawSquares(128, 128, [{ x: 40, y: 32, side: 48 }]);

interface Setup {
  readonly request?: Partial<GenerationRequest>;
  readonly manifest?: Partial<BundleManifest>;
  readonly budget?: ComputeBudget;
  readonly input?: Partial<GenerateInput>;
}

async function run(setup: Setup = {}) {
  const bundle = await makeFakeBundle(setup.manifest);
  const runner = (setup.input?.runner as FakeRunner | undefined) ?? new FakeRunner();
  const events: GenerationEvent[] = [];
  const outcome = await generate({
    taskId: 'task',
    bundle,
    runner,
    tokenizer: await openTokenizer(bundle),
    budget: setup.budget ?? RESIDENT,
    request: makeRequest(setup.request),
    adjustments: [],
    reference: ONE_FACE,
    moreReferences: [],
    emit: (event) => events.push(event),
    ...setup.input,
  });
  const reasons = outcome.adjustments.map(({ reason }) => reason);
  return { outcome, runner, events, reasons, pixels: outcome.images.map(({ image }) => image.data) };
}

async function failure(setup: Setup): Promise<AppError> {
  try {
    await run(setup);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

describe('generate', () => {
  it('gives the same bytes for the same request, other bytes for another seed, prompt or face strength', async () => {
    const first = await run();
    expect((await run()).pixels).toEqual(first.pixels);
    for (const request of [{ seed: 2 }, { prompt: 'a smile' }, { faceStrength: 0.3 }, { scheduler: 'lcm' as const }]) {
      expect((await run({ request })).pixels, JSON.stringify(request)).not.toEqual(first.pixels);
    }
  });

  it.each(['ddim', 'lcm', 'euler', 'dpmpp-2m'] as const)(
    'makes image k of a batch the single run (%s)',
    async (scheduler) => {
      const seed = 2 ** 32 - 2;
      for (const budget of [RESIDENT, ECONOMY]) {
        const batch = await run({ request: { seed, batch: 3, scheduler }, budget });
        expect(batch.outcome.images.map((image) => image.seed)).toEqual([seed, seed + 1, 0]);
        for (const [index, single] of [seed, seed + 1, 0].entries()) {
          expect((await run({ request: { seed: single, scheduler } })).pixels[0]).toEqual(batch.pixels[index]);
        }
      }
    },
  );

  it('does what depends on the reference alone once per task', async () => {
    const { runner } = await run({ request: { batch: 3, steps: 2 } });
    expect(runner.count('textEncoder')).toBe(1);
    expect(runner.count('conditioner')).toBe(1);
    expect(runner.count('latentEncoder')).toBe(1);
    expect(runner.count('denoiser')).toBe(6);
    expect(runner.count('latentDecoder')).toBe(3);
    // Once for the reference, once per result.
    expect(runner.count('faceDetector')).toBe(4);
    expect(runner.disposed).toBe(2);
  });

  it('runs both guidance passes together or one after the other, with the same result', async () => {
    const request = { guidanceScale: 2.5, negativePrompt: 'hat' };
    const sequential = await run({ request });
    const together = await run({ request, budget: TOGETHER });
    expect(sequential.runner.count('denoiser')).toBe(8);
    expect(together.runner.count('denoiser')).toBe(4);
    const call = together.runner.calls.find(({ role }) => role === 'denoiser')!;
    expect(call.feeds['sample']!.dims[0]).toBe(2);
    expect(call.feeds['text_kv']!.dims[0]).toBe(2);
    expect(together.pixels).toEqual(sequential.pixels);
    expect((await run()).pixels).not.toEqual(sequential.pixels);
  });

  it('stands nobody, or the same face, in for the face without condition', async () => {
    const request = { guidanceScale: 2 };
    const { schedule } = (await makeFakeBundle()).manifest;
    const faces = async (unconditionalFace: 'zero' | 'same') => {
      const { runner } = await run({ request, manifest: { schedule: { ...schedule, unconditionalFace } } });
      return runner.calls.filter(({ role }) => role === 'conditioner').map(({ feeds }) => [...feeds['face']!.data]);
    };
    const [person, nobody] = await faces('zero');
    expect(nobody).toEqual(person!.map(() => 0));
    const [one, other] = await faces('same');
    expect(other).toEqual(one);
    expect(Math.hypot(...(one as number[]))).toBeCloseTo(1, 5);
  });

  it('gives the adapter’s scale to every cross-attention layer', async () => {
    const { runner } = await run({ request: { faceStrength: 0.7 } });
    const scale = runner.calls.find(({ role }) => role === 'conditioner')!.feeds['face_scale']!;
    expect([...scale.data]).toEqual([Math.fround(0.7), Math.fround(0.7)]);
  });

  it('releases every role after its stage only where the budget says so', async () => {
    expect((await run()).runner.released).toEqual([]);
    const { runner } = await run({ budget: ECONOMY, request: { batch: 2 } });
    const order = [...new Set(runner.released)];
    expect(order).toEqual([
      'faceDetector',
      'faceEncoder',
      'textEncoder',
      'latentEncoder',
      'conditioner',
      'denoiser',
      'latentDecoder',
    ]);
    expect(runner.released.filter((role) => role === 'denoiser')).toHaveLength(1);
    expect(runner.calls.every(({ options }) => options.keepOnDevice === undefined)).toBe(true);
  });

  it('starts from pure noise at δ = 1 and never encodes the picture then', async () => {
    const { runner } = await run({ request: { denoise: 1 } });
    expect(runner.count('latentEncoder')).toBe(0);
    const timesteps = runner.calls
      .filter(({ role }) => role === 'denoiser')
      .map(({ feeds }) => feeds['timestep']!.data[0]);
    expect(timesteps).toEqual([999, 749, 499, 249]);
  });

  it('comes close to the reference at low denoise', async () => {
    const { outcome } = await run({ request: { denoise: 0.02, width: 128, height: 128 } });
    const middle = (64 * 128 + 64) * 4;
    expect(outcome.images[0]!.image.data[middle]).toBeGreaterThan(200);
    expect(outcome.images[0]!.image.data[4 * 128]).toBeLessThan(120);
    expect(outcome.images[0]!.likeness).toBeGreaterThan(0.9);
  });

  it('tells stages, steps, previews, faces and images in order, with progress that never falls', async () => {
    const { events, outcome } = await run({ request: { batch: 2, steps: 3 } });
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
    const shares = progress.map((entry: TaskProgress) => entry.progress);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares[0]).toBe(0);
    expect(shares.at(-1)).toBe(1);
    expect([...new Set(progress.map(({ stage }) => stage))]).toEqual([
      'find-face',
      'embed-face',
      'encode-prompt',
      'encode-image',
      'condition',
      'denoise',
      'decode',
      'score',
    ]);
    const firstStep = progress.findIndex(({ stage, step }) => stage === 'denoise' && step === 1);
    expect(progress.slice(0, firstStep).every(({ etaMs }) => etaMs === null)).toBe(true);
    expect(progress.slice(firstStep).every(({ etaMs }) => etaMs !== null && etaMs >= 0)).toBe(true);
    const previews = events.flatMap((event) => (event.type === 'preview' ? [event] : []));
    expect(previews.map(({ image, step }) => [image, step])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    expect(previews[0]!.preview).toMatchObject({ width: 8, height: 8 });
    const images = events.flatMap((event) => (event.type === 'image' ? [event.result] : []));
    expect(images).toEqual(outcome.images);
    expect(Object.keys(outcome.timings)).toContain('denoise');
    expect(outcome.runtimeMs).toBeGreaterThan(0);
  });

  it('passes earlier adjustments and the start-up time on', async () => {
    const earlier = { field: 'steps', from: 60, to: 50, reason: 'steps-limited-by-bundle' } as const;
    const { outcome } = await run({ input: { adjustments: [earlier], startupMs: 12 } });
    expect(outcome.adjustments[0]).toEqual(earlier);
    expect(outcome.startupMs).toBe(12);
  });

  it('tells unknown words, reads close ones as known and cuts long prompts', async () => {
    const { outcome, runner } = await run({ request: { prompt: 'a drawng of a zebra' } });
    expect(outcome.adjustments).toEqual([
      { field: 'prompt', from: ['drawng', 'zebra'], to: ['drawing', null], reason: 'unknown-words' },
    ]);
    const known = await run({ request: { prompt: 'a drawing of a zebra' } });
    expect(runner.calls.find(({ role }) => role === 'textEncoder')!.feeds).toEqual(
      known.runner.calls.find(({ role }) => role === 'textEncoder')!.feeds,
    );
    const long = await run({ request: { prompt: 'red '.repeat(40) } });
    expect(long.outcome.adjustments).toEqual([{ field: 'prompt', from: 42, to: 16, reason: 'prompt-truncated' }]);
  });
});

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

describe('generate: sizes', () => {
  it('makes exactly the asked size, padded up to the multiple and cropped back', async () => {
    const { outcome, runner, reasons } = await run({ request: { width: 70, height: 91 } });
    expect(outcome.images[0]!.image).toMatchObject({ width: 70, height: 91 });
    expect(runner.calls.find(({ role }) => role === 'latentEncoder')!.feeds['image']!.dims).toEqual([1, 3, 96, 80]);
    expect(reasons).not.toContain('rendered-at-native-size');
  });

  it('renders at the native area nearest in aspect, then brings it to the asked size without stretching', async () => {
    const native = {
      width: 64,
      height: 64,
      multiple: 16,
      areas: [
        [64, 64],
        [64, 128],
      ] as [number, number][],
    };
    const request = { width: 96, height: 160, denoise: 0.02, steps: 1 };
    const { outcome, runner } = await run({ request, manifest: { native } });
    expect(runner.calls.find(({ role }) => role === 'latentEncoder')!.feeds['image']!.dims).toEqual([1, 3, 128, 64]);
    expect(outcome.adjustments).toContainEqual({
      field: 'width',
      from: [96, 160],
      to: [64, 128],
      reason: 'rendered-at-native-size',
    });
    const { image } = outcome.images[0]!;
    expect(image).toMatchObject({ width: 96, height: 160 });
    // The face is square in the reference; it has to be square in the answer.
    const white = (x: number, y: number) => image.data[4 * (y * 96 + x) + 1]! > 180;
    const columns = Array.from({ length: 96 }, (_, x) => x).filter((x) => white(x, 80)).length;
    const rows = Array.from({ length: 160 }, (_, y) => y).filter((y) => white(48, y)).length;
    expect(columns).toBeGreaterThan(40);
    expect(Math.abs(columns - rows)).toBeLessThanOrEqual(14); // one latent cell is 10 pixels here
  });

  it('refuses a bundle whose sizes do not fit its latents', async () => {
    const native = { width: 64, height: 64, multiple: 12, areas: [] };
    expect((await failure({ manifest: { native } })).message).toMatch(/native\.multiple/);
  });

  it('centres the crop on the face and tells when it is cut', async () => {
    const reference = drawSquares(256, 64, [{ x: 200, y: 8, side: 48 }]);
    const inside = await run({ request: { width: 64, height: 64, denoise: 0.02 }, input: { reference } });
    expect(inside.reasons).not.toContain('face-cut-by-crop');
    expect(inside.outcome.images[0]!.likeness).toBeGreaterThan(0.8);
    const cut = await run({ request: { width: 160, height: 16, denoise: 0.02 }, input: { reference: ONE_FACE } });
    const adjustment = cut.outcome.adjustments.find(({ reason }) => reason === 'face-cut-by-crop')!;
    expect(adjustment.to).toBeLessThan(0.4);
  });

  it('scales a reference longer than 1536 down and keeps points and boxes in the given pixels', async () => {
    const reference = drawSquares(2048, 1024, [{ x: 800, y: 300, side: 400 }]);
    const { outcome, events } = await run({ input: { reference } });
    expect(outcome.adjustments).toContainEqual({
      field: 'image',
      from: [2048, 1024],
      to: [1536, 768],
      reason: 'reference-scaled-down',
    });
    const { box } = events.find((event) => event.type === 'faces')!.faces[0]!;
    expect(Math.abs(box.left - 800)).toBeLessThan(40);
    expect(Math.abs(box.right - 1200)).toBeLessThan(40);
  });

  it('keeps the background where asked', async () => {
    const reference = drawSquares(256, 256, [{ x: 104, y: 104, side: 48 }]);
    const request = { width: 256, height: 256, denoise: 1, steps: 3 };
    const plain = await run({ request, input: { reference } });
    const kept = await run({ request: { ...request, keepBackground: true }, input: { reference } });
    const at = (data: Uint8ClampedArray, x: number, y: number) => data[4 * (y * 256 + x) + 2]!;
    expect(Math.abs(at(kept.pixels[0]!, 4, 4) - 80)).toBeLessThanOrEqual(2);
    expect(Math.abs(at(plain.pixels[0]!, 4, 4) - 80)).toBeGreaterThan(2);
    // The face itself is drawn anew.
    expect(at(kept.pixels[0]!, 128, 128)).not.toBe(255);
  });
});

describe('generate: cancelling', () => {
  it('stops between steps with `cancelled`, frees what it holds and draws nothing more', async () => {
    for (const budget of [RESIDENT, ECONOMY]) {
      const controller = new AbortController();
      const runner = new FakeRunner();
      runner.onRun = (role) => {
        if (role === 'denoiser' && runner.count('denoiser') === 1) setTimeout(() => controller.abort(), 0);
      };
      const error = await failure({
        request: { steps: 50 },
        budget,
        input: { runner, signal: controller.signal },
      });
      expect(error.code).toBe('cancelled');
      expect(runner.count('denoiser')).toBeLessThan(50);
      expect(runner.count('latentDecoder')).toBe(0);
      expect(runner.disposed).toBe(2);
      if (budget === ECONOMY) expect(runner.released).toContain('denoiser');
    }
  });

  it('does nothing when it is cancelled before it begins', async () => {
    const runner = new FakeRunner();
    const error = await failure({ input: { runner, signal: AbortSignal.abort() } });
    expect(error.code).toBe('cancelled');
    expect(runner.calls).toEqual([]);
  });
});

describe('generate: a faulty denoiser', () => {
  it('is told instead of giving a black picture', async () => {
    const runner = new FakeRunner();
    const answer = runner.run.bind(runner);
    runner.run = async (role, feeds, options) => {
      const outputs = await answer(role, feeds, options);
      if (role === 'denoiser') ((outputs['out_sample'] as { data?: Float32Array }).data ?? [])[3] = NaN;
      return outputs;
    };
    expect((await failure({ input: { runner } })).code).toBe('graph-invalid');
  });
});
