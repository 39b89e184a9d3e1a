/** The CLIP route (IP-Adapter-plus) with a real, tiny, random bundle on onnxruntime-node. */
import { describe, expect, it } from 'vitest';
import { createNodeRunner } from '../../../cli/node-session-runner.ts';
import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { computeBudget } from '../../../src/domain/compute-budget.ts';
import type { PixelImage } from '../../../src/domain/image.ts';
import type { Role } from '../../../src/domain/ports.ts';
import type { GenerationRequest } from '../../../src/domain/request.ts';
import type { HostTensor, Tensor } from '../../../src/domain/tensor.ts';
import type { GenerationOutcome } from '../../../src/domain/task.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import { openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { drawTinyFace } from '../../fixtures/tiny-face-networks.ts';
import { makeTinyBundle, type TinyBundleOptions } from '../../fixtures/tiny-bundle.ts';
import { makeRequest } from './make-request.ts';

const BUDGET = computeBudget('a100', { kind: 'node-cpu', cores: 2, crossOriginIsolated: true });

interface Result {
  outcome: GenerationOutcome;
  calls: { role: Role; feeds: Readonly<Record<string, Tensor>> }[];
}

async function run(
  face: TinyBundleOptions['face'] & string,
  changes: Partial<GenerationRequest> = {},
  more: PixelImage[] = [],
  person = 0,
  edit: (bundle: ModelBundle) => ModelBundle = (bundle) => bundle,
): Promise<Result> {
  const bundle = edit(await openBundle(makeTinyBundle({ face })));
  const runner = createNodeRunner(bundle);
  const calls: Result['calls'] = [];
  const spied: typeof runner = Object.create(runner, {
    run: {
      value: (...args: Parameters<typeof runner.run>) => {
        calls.push({ role: args[0], feeds: args[1] });
        return runner.run(...args);
      },
    },
    backend: { value: runner.backend },
    dispose: { value: runner.dispose.bind(runner) },
    read: { value: runner.read.bind(runner) },
    release: { value: runner.release.bind(runner) },
  }) as typeof runner;
  try {
    const outcome = await generate({
      taskId: 'task',
      bundle,
      runner: spied,
      tokenizer: await openTokenizer(bundle),
      budget: BUDGET,
      request: makeRequest({ width: 128, height: 128, steps: 2, ...changes }),
      adjustments: [],
      reference: drawTinyFace(256, person),
      moreReferences: more,
      emit: () => undefined,
    });
    return { outcome, calls };
  } finally {
    await runner.close();
  }
}

const dataOf = (tensor: Tensor | undefined) => (tensor as HostTensor).data as Float32Array;
const pixels = ({ outcome }: Result) => outcome.images[0]!.image.data;
const fed = ({ calls }: Result, role: Role, name: string) =>
  calls.filter((call) => call.role === role).map(({ feeds }) => feeds[name]!);

describe('generate with a bundle that sees faces as images', () => {
  it('makes pictures that depend on the person, through image encoder and resampler', async () => {
    const [one, same, other] = [
      await run('unscored-image', { denoise: 1 }),
      await run('unscored-image', { denoise: 1 }),
      await run('unscored-image', { denoise: 1 }, [], 1),
    ];
    expect(pixels(same)).toEqual(pixels(one));
    expect(pixels(other)).not.toEqual(pixels(one));
    expect(fed(one, 'imageEncoder', 'pixel_values').map(({ dims }) => dims)).toEqual([[1, 3, 24, 24]]);
    expect(fed(one, 'conditioner', 'face_tokens').map(({ dims }) => dims)).toEqual([[1, 4, 16]]);
    // No face encoder: nothing to score by.
    expect(one.outcome.images[0]!.likeness).toBeNull();
  });

  it('scores likeness where there is a face encoder besides', async () => {
    const { outcome, calls } = await run('image', { denoise: 0.1 });
    expect(outcome.images[0]!.likeness).toBeGreaterThan(0.5);
    expect(calls.filter(({ role }) => role === 'faceEncoder')).toHaveLength(2);
  });

  it('feeds the aligned face as CLIP wants it: RGB, its mean and standard deviation', async () => {
    const [tensor] = fed(await run('unscored-image'), 'imageEncoder', 'pixel_values');
    const [red, green, blue] = [0, 1, 2].map((channel) => dataOf(tensor)[channel * 576 + 12 * 24 + 12]);
    // The drawn face is magenta (255, 0, 255).
    expect(red).toBeCloseTo((1 - 0.48145466) / 0.26862954, 4);
    expect(green).toBeCloseTo(-0.4578275 / 0.26130258, 4);
    expect(blue).toBeCloseTo((1 - 0.40821073) / 0.27577711, 4);
  });

  it('lets an all-zero image stand in without a face, or the same face, as the manifest says', async () => {
    const zero = await run('unscored-image', { guidanceScale: 2 });
    const [face, nobody] = fed(zero, 'imageEncoder', 'pixel_values').map(dataOf);
    expect(face!.some((value) => value !== 0)).toBe(true);
    expect(nobody!.every((value) => value === 0)).toBe(true);
    const same = await run('unscored-image', { guidanceScale: 2 }, [], 0, (bundle) => {
      const schedule = { ...bundle.manifest.schedule, unconditionalFace: 'same' as const };
      return { ...bundle, manifest: { ...bundle.manifest, schedule } };
    });
    expect(fed(same, 'imageEncoder', 'pixel_values')).toHaveLength(1);
    expect(pixels(same)).not.toEqual(pixels(zero));
  });

  it('sets the tokens of several photos side by side', async () => {
    const both = await run('unscored-image', { guidanceScale: 2 }, [drawTinyFace(256, 1)]);
    const tokens = fed(both, 'conditioner', 'face_tokens');
    expect(tokens.reduce((rows, { dims }) => rows + dims[0]!, 0)).toBe(2);
    for (const { dims } of tokens) expect(dims.slice(1)).toEqual([8, 16]);
    const alone = dataOf(fed(await run('unscored-image'), 'conditioner', 'face_tokens')[0]);
    expect(dataOf(tokens[0]).slice(0, alone.length)).toEqual(alone);
  });

  it('looks at no face when none is wanted', async () => {
    const { calls, outcome } = await run('unscored-image', { faceStrength: 0, guidanceScale: 2 });
    expect(calls.some(({ role }) => role === 'imageEncoder')).toBe(false);
    expect(outcome.images).toHaveLength(1);
  });
});
