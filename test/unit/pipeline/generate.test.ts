import { describe, expect, it } from 'vitest';
import type { TaskProgress } from '../../../src/domain/task.ts';
import { drawSquares, FakeRunner, makeFakeBundle } from './fake-bundle.ts';
import { ECONOMY, failure, ONE_FACE, RESIDENT, run, TOGETHER } from './run-generate.ts';

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

  it('draws only the images that are missing, with the bytes that they have in the whole batch', async () => {
    for (const budget of [RESIDENT, ECONOMY]) {
      const whole = await run({ request: { batch: 4 }, budget });
      const missing = await run({ request: { batch: 4 }, budget, input: { only: [1, 3] } });
      expect(missing.outcome.images.map(({ index }) => index)).toEqual([1, 3]);
      expect(missing.pixels).toEqual([whole.pixels[1], whole.pixels[3]]);
      expect(missing.runner.count('latentDecoder')).toBe(2);
      const progress = missing.events.flatMap((event) => (event.type === 'progress' ? [event.progress.progress] : []));
      expect(progress.at(-1)).toBe(1);
    }
  });

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

  it('tells that there are no better weights where the budget asks for them', async () => {
    expect((await run({ budget: TOGETHER })).reasons).toContain('quality-pack-missing');
    expect((await run()).reasons).not.toContain('quality-pack-missing');
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
      'imageEncoder',
      'resampler',
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
    // The first step also builds the session; time left is told from the second on.
    const secondStep = progress.findIndex(({ stage, step }) => stage === 'denoise' && step === 2);
    expect(progress.slice(0, secondStep).every(({ etaMs }) => etaMs === null)).toBe(true);
    expect(progress.slice(secondStep).every(({ etaMs }) => etaMs !== null && etaMs >= 0)).toBe(true);
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

describe('generate: faulty networks', () => {
  it.each([
    ['denoiser', 'out_sample'],
    ['latentDecoder', 'image'],
  ] as const)('%s: told instead of giving a black picture', async (faulty, output) => {
    const runner = new FakeRunner();
    const answer = runner.run.bind(runner);
    runner.run = async (role, feeds, options) => {
      const outputs = await answer(role, feeds, options);
      if (role === faulty) ((outputs[output] as { data?: Float32Array }).data ?? [])[3] = NaN;
      return outputs;
    };
    expect((await failure({ input: { runner } })).code).toBe('graph-invalid');
  });
});
