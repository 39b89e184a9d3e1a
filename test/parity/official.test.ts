/**
 * A checkpoint in the layouts in which Stable Diffusion 1.5 and its companions are published, compiled and run, against
 * diffusers' own pipeline on the same files (FaceID adapter with its LoRA and an LCM-LoRA fused). Expected values and files:
 * test/fixtures/official/make_official.py.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFolder } from '../../cli/compile.ts';
import type { CompileArguments } from '../../cli/compile-options.ts';
import { openNodeBundle } from '../../cli/node-bundle-files.ts';
import { createNodeRunner } from '../../cli/node-session-runner.ts';
import type { ModelBundle } from '../../src/bundle/open-bundle.ts';
import { float32Tensor } from '../../src/domain/tensor.ts';
import { fillNormals } from '../../src/pipeline/random.ts';
import { createScheduler } from '../../src/pipeline/schedulers/create-scheduler.ts';
import { planTimesteps } from '../../src/pipeline/schedulers/timesteps.ts';
import { condition } from '../../src/pipeline/stages/conditioning.ts';
import { denoise } from '../../src/pipeline/stages/denoising.ts';
import { encodePrompt } from '../../src/pipeline/stages/prompt-encoding.ts';
import { readFloats } from '../../src/pipeline/tensor-reading.ts';
import { openTokenizer } from '../../src/pipeline/tokenizer.ts';
import type { ClosableRunner } from '../../src/runtime/session-runner.ts';
import expected from '../fixtures/official/expected.json' with { type: 'json' };

const FILES = 'test/fixtures/official';
const SIDE = 32;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-official-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(name: string, changes: Partial<CompileArguments> = {}) {
  const out = join(folder, name);
  await compileFolder({
    base: `${FILES}/base`,
    adapter: `${FILES}/ip-adapter-faceid.bin`,
    loras: [{ path: `${FILES}/lcm-lora/pytorch_lora_weights.safetensors`, scale: expected.loraScale }],
    precision: 'f32',
    out,
    ...changes,
  });
  const bundle = await openNodeBundle(out);
  return { bundle, runner: createNodeRunner(bundle, { threads: 2 }) };
}

async function run(bundle: ModelBundle, runner: ClosableRunner, guidanceScale: number): Promise<Float32Array> {
  const tokenizer = await openTokenizer(bundle);
  const text = (prompt: string) => encodePrompt(runner, tokenizer.encode(prompt).ids);
  const nobody = new Float32Array(expected.embedding.length);
  const row = { text: await text(expected.prompt), face: Float32Array.from(expected.embedding) };
  const other = { text: await text(expected.negative), face: nobody };
  const make = (rows: (typeof row)[]) => condition(bundle, runner, rows, expected.faceScale, false);
  return denoise({
    runner,
    scheduler: createScheduler('ddim', bundle.manifest.schedule),
    timesteps: planTimesteps('ddim', expected.steps, 1).timesteps,
    shape: [4, SIDE, SIDE],
    start: null,
    passes:
      guidanceScale > 1
        ? { kind: 'together', both: await make([row, other]) }
        : { kind: 'none', condition: await make([row]) },
    guidanceScale,
    noise: (draw, out) => fillNormals(out, { seed: expected.seed, attempt: 0, draw }),
    background: null,
    onStep: () => undefined,
    signal: undefined,
  });
}

/** Every fourth row and column, as the fixture keeps them. */
function thinned(latent: Float32Array): number[] {
  return [...latent].filter((_, i) => i % 4 === 0 && Math.floor(i / SIDE) % 4 === 0);
}

/** Largest difference as a share of the largest expected value. */
function difference(actual: ArrayLike<number>, wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...wanted.map((value, i) => Math.abs(value - actual[i]!))) / largest;
}

describe('published files', () => {
  let bundle: ModelBundle;
  let runner: ClosableRunner;
  let guided: Float32Array;
  beforeAll(async () => {
    ({ bundle, runner } = await open('kl'));
    guided = await run(bundle, runner, expected.guidance);
  });
  afterAll(() => runner.close());

  test('vocab.json and merges.txt give the reference’s tokens, padding included', async () => {
    expect([...(await openTokenizer(bundle)).encode(expected.prompt).ids]).toEqual(expected.ids);
  });

  test('the latents of whole runs are the reference’s', async () => {
    expect(difference(thinned(await run(bundle, runner, 1)), expected.plain)).toBeLessThan(1e-4);
    expect(difference(thinned(guided), expected.guided)).toBeLessThan(1e-4);
  });

  test.each(['kl', 'tiny'] as const)('and so is the picture (%s)', async (kind) => {
    const decoder =
      kind === 'kl' ? { bundle, runner } : await open('tiny', { autoencoder: [`${FILES}/taesd`], loras: [] });
    const { factor, shift } = decoder.bundle.manifest.latent;
    const latent = float32Tensor(
      guided.map((value) => value / factor + shift),
      [1, 4, SIDE, SIDE],
    );
    const outputs = await decoder.runner.run('latentDecoder', { latent });
    const { data, dims } = await readFloats(decoder.runner, 'latentDecoder', outputs, 'image');
    expect(dims).toEqual([1, 3, 8 * SIDE, 8 * SIDE]);
    const corner = [...data].filter((_, i) => i % 256 < 16 && Math.floor(i / 256) % 256 < 16);
    expect(difference(corner, expected[kind])).toBeLessThan(1e-3);
    if (kind === 'tiny') await decoder.runner.close();
  });

  test('would not be with other LoRA scales, without LoRA, or without the face', async () => {
    const others: Partial<CompileArguments>[] = [{ loras: [] }, { adapterLoraScale: 0.5 }];
    for (const [i, changes] of others.entries()) {
      const other = await open(`other-${i}`, changes);
      const latent = await run(other.bundle, other.runner, expected.guidance);
      expect(difference(thinned(latent), expected.guided)).toBeGreaterThan(1e-2);
      await other.runner.close();
    }
  });
});
