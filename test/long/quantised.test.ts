/**
 * Bar "quantised": the starter's checkpoint compiled with 8- and 4-bit linear layers and int8 convolutions against the
 * same checkpoint as floats. Denoiser outputs are compared at every evaluation of real runs; pictures by the judge.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeBundle } from '../../cli/node-bundle-files.ts';
import { openNodeGenerator } from '../../cli/node-generator.ts';
import { nodeImageCodec } from '../../cli/node-image-codec.ts';
import { createNodeRunner } from '../../cli/node-session-runner.ts';
import { modelLimits } from '../../src/bundle/model-limits.ts';
import type { ModelBundle } from '../../src/bundle/open-bundle.ts';
import { computeBudget } from '../../src/domain/compute-budget.ts';
import type { PixelImage } from '../../src/domain/image.ts';
import { normaliseRequest } from '../../src/domain/normalise-request.ts';
import type { Role, SessionRunner } from '../../src/domain/ports.ts';
import { float32Tensor, isHostTensor, type HostTensor, type Tensor } from '../../src/domain/tensor.ts';
import { generate } from '../../src/pipeline/generate.ts';
import { openTokenizer } from '../../src/pipeline/tokenizer.ts';
import type { ClosableRunner } from '../../src/runtime/session-runner.ts';
import { leaveFigures } from './figures.ts';
import { JUDGE, judgeBundle, MODELS, readProtocol, type Judgement, type Protocol } from './judged-bundle.ts';
import { openJudge } from './judge.ts';

const CHECKPOINT = 'models/checkpoints/starter';
const PRECISIONS = ['f32', 'q8', 'q4'] as const;
type Precision = (typeof PRECISIONS)[number];
const ROUNDED = ['q8', 'q4'] as const;
/** Of two different kinds of runs in turn: from noise alone, and with more and more of the picture left. */
const RUNS = [
  { strength: 0, steps: 4 },
  { strength: 0.3, steps: 6 },
  { strength: 0.6, steps: 8 },
  { strength: 0, steps: 8 },
] as const;

let folder: string;
let protocol: Protocol;
let bundles: Record<Precision, ModelBundle>;
let runners: Record<Precision, ClosableRunner>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-quantised-'));
  protocol = await readProtocol();
  const [bundleEntries, runnerEntries]: [[string, ModelBundle][], [string, ClosableRunner][]] = [[], []];
  for (const precision of PRECISIONS) {
    const out = join(folder, precision);
    const args = ['tsx', 'cli/likeness.ts', 'compile', '--base', CHECKPOINT, '--precision', precision, '--out', out];
    execFileSync('npx', args);
    const bundle = await openNodeBundle(out);
    bundleEntries.push([precision, bundle]);
    runnerEntries.push([precision, createNodeRunner(bundle)]);
  }
  bundles = Object.fromEntries(bundleEntries) as typeof bundles;
  runners = Object.fromEntries(runnerEntries) as typeof runners;
});

afterAll(async () => {
  for (const runner of Object.values(runners)) await runner.close();
  await rm(folder, { recursive: true, force: true });
});

/** What one network was given and gave. */
interface Evaluation {
  readonly role: Role;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

function recording(runner: SessionRunner, evaluations: Evaluation[]): SessionRunner {
  return {
    backend: runner.backend,
    run: async (role, feeds, options) => {
      // The pipeline goes on in the same arrays.
      const given = copies(feeds);
      const outputs = await runner.run(role, feeds, options);
      evaluations.push({ role, feeds: given, outputs: copies(outputs) });
      return outputs;
    },
    read: (tensor) => runner.read(tensor),
    dispose: (tensor) => runner.dispose(tensor),
    release: (role) => runner.release(role),
    residentBytes: () => runner.residentBytes(),
  };
}

/** Only what has an image's shape is copied: conditions stay the tensors that the conditioner made. */
function copies(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const copied = (tensor: Tensor): Tensor =>
    tensor.dims.length === 4 ? float32Tensor(host(tensor).data.slice(), tensor.dims) : tensor;
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, copied(tensor)]));
}

function host(tensor: Tensor): HostTensor & { dtype: 'float32' } {
  if (!isHostTensor(tensor) || tensor.dtype !== 'float32')
    throw new Error('Node keeps f32 tensors in ordinary memory.');
  return tensor;
}

/** One run of the unrounded bundle; all its network evaluations. */
async function record(person: number): Promise<Evaluation[]> {
  const bundle = bundles.f32;
  const evaluations: Evaluation[] = [];
  const image = new Blob([await readFile(join(MODELS, protocol.references[person]!))]);
  const prompt = protocol.prompts[person % protocol.prompts.length]!.text;
  const wish = { image, prompt, seed: person, ...RUNS[person % RUNS.length]! };
  const { request, adjustments } = normaliseRequest(wish, modelLimits(bundle.manifest), () => person);
  await generate({
    taskId: 'quantised',
    bundle,
    runner: recording(runners.f32, evaluations),
    tokenizer: await openTokenizer(bundle),
    budget: computeBudget('a100', { kind: 'node-cpu', cores: 1, crossOriginIsolated: false }),
    request,
    adjustments,
    reference: await nodeImageCodec.decode(image),
    moreReferences: [],
    emit: () => undefined,
  });
  return evaluations;
}

/** The text states [b,L,d] that the rounded text encoder gives in place of the recorded ones. */
async function ownText(runner: SessionRunner, recorded: HostTensor & { dtype: 'float32' }, all: readonly Evaluation[]) {
  const [batch = 1, ...dims] = recorded.dims;
  const length = recorded.data.length / batch;
  const data = new Float32Array(recorded.data.length);
  for (let row = 0; row < batch; row++) {
    const states = recorded.data.subarray(row * length, (row + 1) * length);
    const source = all.find(
      ({ role, outputs }) =>
        role === 'textEncoder' && host(outputs['last_hidden_state']!).data.every((value, i) => value === states[i]),
    );
    if (source === undefined) throw new Error('These text states come from no recorded prompt.');
    const { last_hidden_state } = await runner.run('textEncoder', source.feeds);
    data.set(host(last_hidden_state!).data, row * length);
  }
  return float32Tensor(data, [batch, ...dims]);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += value * b[i]!;
    aa += value * value;
    bb += b[i]! * b[i]!;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Cosines of each image's (and guidance pass's) output. */
function rowCosines(actual: Tensor, expected: Tensor): number[] {
  const [a, b] = [host(actual), host(expected)];
  const rows = a.dims[0] ?? 1;
  const length = a.data.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const part = (data: Float32Array) => data.subarray(row * length, (row + 1) * length);
    return cosine(part(a.data), part(b.data));
  });
}

interface Cosines {
  /** The denoiser alone, given the unrounded conditions. */
  readonly denoiser: number[];
  /** With text encoder and conditioner rounded, too. */
  readonly chain: number[];
}

async function compare(runner: SessionRunner, evaluations: readonly Evaluation[], cosines: Cosines): Promise<void> {
  const conditioned = evaluations.filter(({ role }) => role === 'conditioner');
  for (const { feeds, outputs } of evaluations.filter(({ role }) => role === 'denoiser')) {
    const alone = await runner.run('denoiser', feeds);
    cosines.denoiser.push(...rowCosines(alone['out_sample']!, outputs['out_sample']!));
    const given = conditioned.find(({ outputs: made }) => made['text_kv'] === feeds['text_kv']);
    if (given === undefined) throw new Error('These keys and values come from no recorded conditioner.');
    const text = await ownText(runner, host(given.feeds['text']!), evaluations);
    const own = await runner.run('conditioner', { ...given.feeds, text });
    const { out_sample } = await runner.run('denoiser', { ...feeds, ...own });
    cosines.chain.push(...rowCosines(out_sample!, outputs['out_sample']!));
  }
}

const statistics = (values: readonly number[]) => ({
  evaluations: values.length,
  mean: Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(6)),
  least: Number(Math.min(...values).toFixed(6)),
});

/** In dB over all pixels of all pictures. */
function peakSignalToNoise(actual: readonly PixelImage[], expected: readonly PixelImage[]): number {
  let [squares, count] = [0, 0];
  actual.forEach(({ data }, image) => {
    data.forEach((value, i) => {
      if (i % 4 === 3) return;
      squares += (value - expected[image]!.data[i]!) ** 2;
      count += 1;
    });
  });
  return Number((10 * Math.log10(255 ** 2 / (squares / count))).toFixed(1));
}

describe('the starter, rounded', () => {
  const figures: Record<string, unknown> = {};

  it('its denoiser answers as the unrounded one, at every step of many runs', async () => {
    const cosines = Object.fromEntries(
      ROUNDED.map((precision) => [precision, { denoiser: [], chain: [] }]),
    ) as unknown as Record<(typeof ROUNDED)[number], Cosines>;
    const timesteps = new Set<number>();
    for (const person of protocol.references.keys()) {
      const evaluations = await record(person);
      for (const { role, feeds } of evaluations) {
        if (role === 'denoiser') timesteps.add(host(feeds['timestep']!).data[0]!);
      }
      for (const precision of ROUNDED) await compare(runners[precision], evaluations, cosines[precision]);
    }
    for (const precision of ROUNDED) {
      const { denoiser, chain } = cosines[precision];
      figures[`${precision}Cosine`] = { denoiser: statistics(denoiser), chain: statistics(chain) };
    }
    figures['timesteps'] = [...timesteps].sort((a, b) => a - b);
    await leaveFigures('quantised', figures);
    console.log(JSON.stringify(figures));
    // The mean is the bar, the least a figure. Most outputs below it stand where little noise is left, though not all, and
    // int8 convolutions alone bring some there.
    for (const precision of ROUNDED) {
      const { denoiser, chain } = cosines[precision];
      expect(statistics(denoiser).mean, precision).toBeGreaterThanOrEqual(0.999);
      expect(statistics(chain).mean, precision).toBeGreaterThanOrEqual(0.999);
    }
  });

  it('its pictures are judged as those of the unrounded one', async () => {
    const judge = await openJudge(JUDGE, bundles.f32, runners.f32);
    const judged = {} as Record<Precision, Judgement>;
    for (const precision of PRECISIONS) {
      const generator = await openNodeGenerator(join(folder, precision), 1);
      judged[precision] = await judgeBundle(generator, judge, protocol);
      await generator.close();
      const { images, ...scores } = judged[precision];
      const bytes = bundles[precision].manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      figures[precision] = {
        ...scores,
        megabytes: Math.round(bytes / 1e5) / 10,
        ...(precision !== 'f32' && { psnrToF32: peakSignalToNoise(images, judged.f32.images) }),
      };
    }
    await judge.close();
    await leaveFigures('quantised', {
      people: protocol.references.length,
      ...figures,
      bars: { cosine: 0.999, judge: 0.01 },
    });
    console.log(JSON.stringify(figures));
    // One picture of 96 more or less is 0.0104; a share can agree to 0.01 only where it is the same, or the next.
    const onePicture = 1 / judged.f32.pictures + 1e-4;
    for (const precision of ROUNDED) {
      expect(Math.abs(judged[precision].likeness - judged.f32.likeness), precision).toBeLessThanOrEqual(0.01);
      expect(Math.abs(judged[precision].auc - judged.f32.auc), precision).toBeLessThanOrEqual(0.01);
      expect(Math.abs(judged[precision].rank1 - judged.f32.rank1), precision).toBeLessThanOrEqual(onePicture);
    }
  });
});
