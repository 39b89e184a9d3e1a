/** What the browser tests have the real runtime do, in one worker per set of options; results are plain data. */
import { computeBudget } from '../../../src/domain/compute-budget.ts';
import { isAppError } from '../../../src/domain/errors.ts';
import type { Role } from '../../../src/domain/ports.ts';
import { float32Tensor, isHostTensor, type HostTensor, type Tensor } from '../../../src/domain/tensor.ts';
import type { InputDims } from '../../../src/networks/input-dims.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import { openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { createRunner } from '../../../src/runtime/create-runner.ts';
import { openBackend, type Backend } from '../../../src/runtime/open-backend.ts';
import type { ClosableRunner } from '../../../src/runtime/session-runner.ts';
import { drawTinyFace } from '../../fixtures/tiny-face-networks.ts';
import { makeRequest } from '../../unit/pipeline/make-request.ts';
import { placementOf, placementOfCpuOperator, type Placement } from './placement.ts';
import { filesIn, openServedBundle, type Folder } from './served-bundle.ts';

export interface ScenarioOptions {
  readonly wish?: 'auto' | 'webgpu' | 'wasm';
  readonly build?: 'jspi' | 'asyncify';
  readonly threads?: number;
}

type Outputs = Record<string, { dims: readonly number[]; data: number[] }>;

export const SCENARIOS = {
  /** What is chosen here, and why. */
  async backend(options: ScenarioOptions) {
    const { info, build, subgroups } = await open(options);
    return { ...info, build, subgroups };
  },

  /** Every network of the tiny bundle, once. */
  async networks(options: ScenarioOptions) {
    const { runner, backend } = await openRunner(options);
    const outputs: Record<string, Outputs> = {};
    for (const [role, feeds] of Object.entries(FEEDS)) {
      outputs[role] = plain(await runner.run(role as keyof typeof FEEDS, feeds));
    }
    await runner.close();
    return { outputs, build: backend.build };
  },

  /** The networks that only bundles of official models have, once. */
  async officialNetworks(options: ScenarioOptions) {
    const backend = await open(options);
    const runner = createRunner(backend, await openServedBundle(filesIn('tiny-official')), { weightLimit: null });
    const outputs: Record<string, Outputs> = {};
    for (const [role, feeds] of Object.entries(OFFICIAL_FEEDS)) {
      outputs[role] = plain(await runner.run(role as keyof typeof OFFICIAL_FEEDS, feeds));
    }
    await runner.close();
    return outputs;
  },

  /** One whole image of a drawn face. */
  async generate(options: ScenarioOptions) {
    const { runner, backend } = await openRunner(options);
    const bundle = await openServedBundle();
    const outcome = await generate({
      taskId: 'task',
      bundle,
      runner,
      tokenizer: await openTokenizer(bundle),
      budget: computeBudget('a100', { kind: backend.info.kind, cores: 2, crossOriginIsolated }),
      request: makeRequest({ width: 128, height: 128, steps: 2, denoise: 0.5, guidanceScale: 2 }),
      adjustments: [],
      reference: drawTinyFace(256),
      moreReferences: [],
      emit: () => undefined,
    });
    await runner.close();
    const { image, likeness } = outcome.images[0]!;
    return { width: image.width, height: image.height, pixels: Array.from(image.data), likeness };
  },

  /** Where the nodes of every network are, in both precisions; and of a graph that needs the CPU. */
  async placement(options: ScenarioOptions) {
    const backend = await open(options);
    const networks: { role: string; folder: string; compute: string; placement: Placement }[] = [];
    const own = [...dimsOf(FEEDS), GUIDED];
    const all: Record<Folder, (readonly [string, InputDims])[]> = {
      tiny: own,
      'tiny-quantised': own,
      'tiny-official': dimsOf(OFFICIAL_FEEDS),
    };
    for (const folder of ['tiny', 'tiny-quantised', 'tiny-official'] as const) {
      for (const [role, dims] of all[folder]) {
        for (const compute of ['float32', 'float16'] as const) {
          const placement = await placementOf(backend, role as Role, dims, folder, compute);
          networks.push({ role, folder, compute, placement });
        }
      }
    }
    return { networks, control: await placementOfCpuOperator(backend) };
  },

  /** The conditioner's outputs stay on the device, outlive their session, and feed the denoiser. */
  async keptOnDevice(options: ScenarioOptions) {
    const { runner } = await openRunner(options);
    const downloaded = await runner.run('conditioner', FEEDS.conditioner);
    const expected = await runner.run('denoiser', { ...FEEDS.denoiser, ...downloaded });
    const kept = await runner.run('conditioner', FEEDS.conditioner, { keepOnDevice: ['text_kv', 'face_kv'] });
    await runner.release('conditioner');
    const actual = await runner.run('denoiser', { ...FEEDS.denoiser, ...kept });
    const { text_kv: text, face_kv: face } = kept;
    const read = await runner.read(text!);
    runner.dispose(face!);
    await runner.close();
    return {
      onDevice: Object.values(kept).map((tensor) => !isHostTensor(tensor)),
      expected: plain(expected),
      actual: plain(actual),
      downloaded: plain({ text: downloaded['text_kv']! }),
      read: plain({ text: read }),
      resident: runner.residentBytes(),
    };
  },

  /** Two calls at once on one session, one on another. */
  async concurrent(options: ScenarioOptions) {
    const { runner } = await openRunner(options);
    const results = await Promise.all([
      runner.run('latentDecoder', FEEDS.latentDecoder),
      runner.run('latentDecoder', FEEDS.latentDecoder),
      runner.run('textEncoder', FEEDS.textEncoder),
    ]);
    await runner.close();
    return results.map(plain);
  },

  /** The device goes away while a network runs. */
  async deviceLoss(options: ScenarioOptions) {
    const { runner, backend } = await openRunner(options);
    await runner.run('latentDecoder', FEEDS.latentDecoder);
    const running = codeOf(runner.run('latentDecoder', FEEDS.latentDecoder));
    backend.gpu!.device.destroy();
    const codes = [await running, await codeOf(runner.run('textEncoder', FEEDS.textEncoder))];
    await runner.close();
    return { codes, resident: runner.residentBytes() };
  },

  /** Truncated weights, absent weights, then good ones, in one worker. */
  async badWeights(options: ScenarioOptions) {
    const backend = await open(options);
    let broken: 'truncated' | 'absent' | null = 'truncated';
    const path = 'weights/latentDecoder.bin';
    const bundle = await openServedBundle({
      read: async (name) => {
        const bytes = await filesIn('tiny').read(broken === 'absent' && name === path ? 'absent' : name);
        return broken === 'truncated' && name === path ? bytes.slice(0, -4) : bytes;
      },
      blob: async (name) => {
        const blob = await filesIn('tiny').blob(broken === 'absent' && name === path ? 'absent' : name);
        return broken === 'truncated' && name === path ? blob.slice(0, -4) : blob;
      },
    });
    const runner = createRunner(backend, bundle, { weightLimit: null });
    const codes = [await codeOf(runner.run('latentDecoder', FEEDS.latentDecoder))];
    broken = 'absent';
    codes.push(await codeOf(runner.run('latentDecoder', FEEDS.latentDecoder)));
    broken = null;
    const outputs = plain(await runner.run('latentDecoder', FEEDS.latentDecoder));
    await runner.close();
    return { codes, outputs };
  },

  /** A graph that onnxruntime refuses, then one that works. */
  async badGraph(options: ScenarioOptions) {
    const { runner } = await openRunner(options);
    const code = await codeOf(runner.run('latentDecoder', { latent: ramp([1, 3, 8, 8]) }));
    const outputs = plain(await runner.run('latentDecoder', FEEDS.latentDecoder));
    await runner.close();
    return { code, outputs };
  },
};

export type ScenarioName = keyof typeof SCENARIOS;

/** Shapes of the tiny bundle (test/fixtures/tiny-bundle.ts). */
const FEEDS = {
  textEncoder: { input_ids: { dtype: 'int32', dims: [1, 16], data: Int32Array.from({ length: 16 }, (_, i) => i % 5) } },
  conditioner: { text: ramp([1, 16, 16]), face: ramp([1, 32]), face_scale: ramp([4]) },
  denoiser: {
    sample: ramp([1, 16, 8, 8]),
    timestep: float32Tensor(Float32Array.of(500), [1]),
    text_kv: ramp([1, 16, 160]),
    face_kv: ramp([1, 4, 160]),
  },
  latentEncoder: { image: ramp([1, 3, 128, 128]) },
  latentDecoder: { latent: ramp([1, 16, 8, 8]) },
} satisfies Record<string, Record<string, HostTensor>>;

/** AutoencoderTiny and AutoencoderKL take any size: small ones, because every shape compiles programs of its own. */
const OFFICIAL_FEEDS = {
  imageEncoder: { pixel_values: ramp([1, 3, 24, 24]) },
  resampler: { hidden_states: ramp([1, 10, 20]) },
  conditioner: { text: ramp([1, 16, 16]), face_tokens: ramp([1, 4, 16]), face_scale: ramp([4]) },
  latentEncoder: { image: ramp([1, 3, 8, 8]) },
  latentDecoder: { latent: ramp([1, 16, 4, 4]) },
} satisfies Record<string, Record<string, HostTensor>>;

/** Both guidance passes at once: 1×1 projections are other operators then. */
const GUIDED = [
  'denoiser',
  { sample: [2, 16, 8, 8], timestep: [1], text_kv: [2, 16, 160], face_kv: [2, 4, 160] },
] as const;

function dimsOf(all: Record<string, Record<string, HostTensor>>): (readonly [string, InputDims])[] {
  return Object.entries(all).map(([role, feeds]) => [
    role,
    Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.dims])),
  ]);
}

/** Values in −1..1 that do not repeat with any dimension. */
function ramp(dims: readonly number[]): HostTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return float32Tensor(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7 + Math.floor(i / 13))),
    dims,
  );
}

let opened: Promise<Backend> | null = null;

/** This worker's backend; all calls to one worker have the same options. */
function open({ wish, build, threads }: ScenarioOptions): Promise<Backend> {
  opened ??= openBackend({
    cpuThreads: threads ?? 1,
    ...(wish === undefined ? {} : { wish }),
    ...(build === undefined ? {} : { build }),
  });
  return opened;
}

async function openRunner(options: ScenarioOptions): Promise<{ runner: ClosableRunner; backend: Backend }> {
  const backend = await open(options);
  return { backend, runner: createRunner(backend, await openServedBundle(), { weightLimit: null }) };
}

function plain(tensors: Readonly<Record<string, Tensor>>): Outputs {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (!isHostTensor(tensor)) throw new Error(`${name} is on the device`);
      return [name, { dims: tensor.dims, data: Array.from(tensor.data, Number) }];
    }),
  );
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return isAppError(error) ? error.code : String(error);
  }
}
