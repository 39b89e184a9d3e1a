import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkNetwork } from '../../../cli/check-network.ts';
import { checkFileList } from '../../../src/bundle/integrity.ts';
import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import type { BundleFiles, Role } from '../../../src/domain/ports.ts';
import { float32Tensor, type HostTensor } from '../../../src/domain/tensor.ts';
import { compileBundle, type CompileOptions } from '../../../src/forge/compile-bundle.ts';
import { plainMatMul } from '../../../src/forge/plain-mat-mul.ts';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import type { Precision } from '../../../src/forge/storage-plan.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../../src/networks/build-network.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import { runGraph } from '../../fixtures/run-graph.ts';
import { tinyBundleDims } from '../../fixtures/tiny-bundle.ts';
import {
  makeTinyCheckpoint,
  memoryFolder,
  safetensorsBytes,
  type TinyCheckpoint,
} from '../../fixtures/tiny-checkpoint.ts';
import { MemoryOutput } from './memory-output.ts';

async function compile(
  files: ReadonlyMap<string, Uint8Array>,
  precision: Precision = 'q8',
  more: Partial<CompileOptions> = {},
) {
  const output = new MemoryOutput();
  const inputs = { base: memoryFolder(files) };
  const manifest = await compileBundle({ inputs, output, precision, checkNetwork, ...more });
  return { output, manifest };
}

function filesOf(output: MemoryOutput): BundleFiles {
  const read = (path: string) => Promise.resolve(output.file(path));
  return { read, blob: async (path) => new Blob([await read(path)]) };
}

const dims = tinyBundleDims();

/** Runs one network of a bundle on hash inputs. */
async function run(bundle: ModelBundle, output: MemoryOutput, role: keyof typeof dims): Promise<Float32Array> {
  const spec = bundle.manifest.networks[role] as GraphNetworkSpec;
  const built = buildNetwork(role, spec, bundle.tensors[role]!, dims[role], 'float32');
  const feeds: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(dims[role])) {
    const count = shape.reduce((product: number, dim: number) => product * dim, 1);
    feeds[name] =
      name === 'input_ids'
        ? { dtype: 'int32', dims: shape, data: Int32Array.from({ length: count }, (_, i) => i % 7) }
        : float32Tensor(Float32Array.from(hashUniform(name, count)), shape);
  }
  const files = Object.fromEntries(built.weightFiles.map((path) => [path, output.file(path)]));
  const outputs = await runGraph(built, files, feeds);
  return Object.values(outputs)[0]!.data;
}

/** Root mean square of the difference over that of the values. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  const energy = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(energy(actual.map((value, i) => value - expected[i]!)) / energy(expected));
}

let checkpoint: TinyCheckpoint;
beforeAll(() => {
  checkpoint = makeTinyCheckpoint();
});

describe('a compiled bundle', () => {
  test('opens, and every file is as the manifest says', async () => {
    const { output, manifest } = await compile(checkpoint.files);
    const bundle = await openBundle(filesOf(output));
    checkFileList(manifest.files);
    expect(bundle.manifest).toEqual(manifest);
    expect(output.paths().sort()).toEqual(['bundle.json', ...manifest.files.map(({ path }) => path)].sort());
    for (const { path, bytes, sha256, chunks } of manifest.files) {
      const content = output.file(path);
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
      expect(chunks).toEqual([sha256]); // nothing here is longer than a chunk
    }
  });

  test('says what configs and card say', async () => {
    const { manifest, output } = await compile(checkpoint.files);
    expect(manifest).toMatchObject({
      id: 'tiny',
      version: '1.2.3',
      text: { tokens: 16, width: 16, padTokenId: 0 },
      face: { embedding: 32, tokens: 4, detector: { decode: 'heatmap' } },
      schedule: { kind: 'ddim', prediction: 'v_prediction', zeroTerminalSnr: true, setAlphaToOne: true },
      latent: { factor: 1, shift: 0 },
      networks: { textEncoder: { class: 'CLIPTextModel' }, conditioner: { class: 'FaceConditioner' } },
    });
    expect(new TextDecoder().decode(output.file('bundle.json'))).not.toContain('/home/');
  });

  test('folds LoRAs by the products that it is given', async () => {
    const values = (length: number) => new Float32Array(length).fill(0.5);
    const lora = safetensorsBytes({
      'lora_unet_time_embedding_linear_1.lora_down.weight': { dtype: 'F32', dims: [1, 16], values: values(16) },
      'lora_unet_time_embedding_linear_1.lora_up.weight': { dtype: 'F32', dims: [64, 1], values: values(64) },
    });
    const products: number[] = [];
    const { output } = await compile(checkpoint.files, 'f32', {
      loras: [{ name: 'a.safetensors', open: () => Promise.resolve(bytesAccess('a', lora)), scale: 1 }],
      matMul: {
        multiply: (a, b, inner) => {
          products.push(inner);
          return plainMatMul.multiply(a, b, inner);
        },
      },
    });
    expect(products).toEqual([1]);
    const { tensors } = await openBundle(filesOf(output));
    const name = 'time_embedding.linear_1.weight';
    const { file, data } = tensors.denoiser![name]!;
    const stored = new Float32Array(output.file(file).slice(data.offset, data.offset + data.length).buffer);
    expect(stored).toEqual(Float32Array.from(checkpoint.weight('denoiser', name), (value) => value + 0.25));
  });

  test('without rounding holds exactly the checkpoint', async () => {
    const { output } = await compile(checkpoint.files, 'f32');
    const { tensors } = await openBundle(filesOf(output));
    let count = 0;
    for (const [role, index] of Object.entries(tensors)) {
      for (const [name, entry] of Object.entries(index)) {
        expect(entry.kind).toBe('float');
        const bytes = output.file(entry.file).slice(entry.data.offset, entry.data.offset + entry.data.length);
        const expected = Buffer.from(Float32Array.from(checkpoint.weight(role, name)).buffer);
        expect(expected.equals(bytes), `${role} ${name}`).toBe(true);
        count += 1;
      }
    }
    expect(count).toBeGreaterThan(150);
  });

  test('stores big tensors on pages, small ones on 64 bytes, and nothing over another', async () => {
    const { output } = await compile(checkpoint.files, 'q4');
    const { tensors } = await openBundle(filesOf(output));
    for (const index of Object.values(tensors)) {
      const ranges = Object.values(index).flatMap((entry) =>
        'scale' in entry ? [entry.data, entry.scale] : [entry.data],
      );
      ranges.sort((a, b) => a.offset - b.offset);
      ranges.forEach(({ offset, length }, i) => {
        expect(offset % (length >= 4096 ? 4096 : 64)).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(i === 0 ? 0 : ranges[i - 1]!.offset + ranges[i - 1]!.length);
      });
    }
  });

  test('rounds convolutions, linears and embeddings, and leaves the rest', async () => {
    const { output } = await compile(checkpoint.files, 'q4');
    const { tensors } = await openBundle(filesOf(output));
    const kind = (role: Role, name: string) => {
      const entry = tensors[role]![name]!;
      return entry.kind === 'nbits' ? `nbits${entry.bits}` : entry.kind;
    };
    const attention = 'down_blocks.0.attentions.0.transformer_blocks.0';
    expect(kind('denoiser', 'conv_in.weight')).toBe('float');
    expect(kind('denoiser', 'conv_out.weight')).toBe('float');
    expect(kind('denoiser', 'time_embedding.linear_1.weight')).toBe('float');
    expect(kind('denoiser', 'mid_block.resnets.0.conv1.weight')).toBe('int8');
    expect(kind('denoiser', 'mid_block.resnets.0.conv1.bias')).toBe('float');
    expect(kind('denoiser', `${attention}.attn1.to_q.weight`)).toBe('nbits4');
    expect(kind('denoiser', `${attention}.norm1.weight`)).toBe('float');
    expect(kind('denoiser', 'mid_block.resnets.0.time_emb_proj.weight')).toBe('nbits8');
    expect(kind('conditioner', `${attention}.attn2.to_k.weight`)).toBe('nbits4');
    expect(kind('conditioner', 'image_proj.proj.0.weight')).toBe('nbits8');
    expect(kind('textEncoder', 'embeddings.token_embedding.weight')).toBe('int8');
    expect(kind('textEncoder', 'embeddings.position_embedding.weight')).toBe('float');
    expect(kind('latentDecoder', 'decoder.head.weight')).toBe('float');
    expect(tensors.denoiser![`${attention}.attn2.to_k.weight`]).toBeUndefined();
  });

  test('computes nearly the same as the unrounded one', async () => {
    const bundles = new Map<Precision, [ModelBundle, MemoryOutput]>();
    for (const precision of ['f32', 'q8', 'q4'] as const) {
      const { output } = await compile(checkpoint.files, precision);
      bundles.set(precision, [await openBundle(filesOf(output)), output]);
    }
    for (const role of Object.keys(dims) as (keyof typeof dims)[]) {
      const exact = await run(...bundles.get('f32')!, role);
      expect(relativeError(await run(...bundles.get('q8')!, role), exact), `q8 ${role}`).toBeLessThan(0.03);
      expect(relativeError(await run(...bundles.get('q4')!, role), exact), `q4 ${role}`).toBeLessThan(0.25);
    }
  });

  test('text encoders saved by older transformers give the same bundle', async () => {
    const older = makeTinyCheckpoint({ textPrefix: 'text_model.' });
    const [one, two] = [await compile(checkpoint.files), await compile(older.files)];
    expect(two.output.file('weights.json')).toEqual(one.output.file('weights.json'));
    expect(two.manifest).toEqual(one.manifest);
  });
});

describe('refusals', () => {
  const refused = async (change: (files: Map<string, Uint8Array>) => void): Promise<unknown> => {
    const files = new Map(checkpoint.files);
    change(files);
    const output = new MemoryOutput();
    const error: unknown = await compileBundle({
      inputs: { base: memoryFolder(files) },
      output,
      precision: 'q8',
      checkNetwork,
    }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(output.paths()).toEqual([]);
    return error;
  };
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const changed = (files: Map<string, Uint8Array>, path: string, change: object) =>
    files.set(path, text({ ...(JSON.parse(new TextDecoder().decode(files.get(path))) as object), ...change }));

  test('all missing files at once', async () => {
    const error = await refused((files) => {
      files.delete('vae/config.json');
      files.delete('face_encoder/model.onnx');
    });
    expect(error).toMatchObject({
      code: 'bundle-missing-file',
      details: { files: ['vae/config.json', 'face_encoder/model.onnx'] },
    });
  });

  test('all bad config fields at once', async () => {
    const error = await refused((files) => {
      changed(files, 'starter.json', { licences: undefined });
      changed(files, 'scheduler/scheduler_config.json', { _class_name: 'ShiftScheduler', trained_betas: [0.1] });
    });
    expect(error).toMatchObject({
      code: 'bundle-invalid',
      message: /starter\.json: licences.*_class_name.*trained_betas/s,
    });
  });

  test('all missing, unexpected and ill-fitting tensors of all networks at once', async () => {
    const error = await refused((files) => {
      changed(files, 'text_encoder/config.json', { num_hidden_layers: 2, intermediate_size: 48 });
      files.set(
        'face_adapter/model.safetensors',
        safetensorsBytes({ 'image_proj.odd': { dtype: 'F32', dims: [1], values: Float32Array.of(1) } }),
      );
    });
    expect(error).toMatchObject({ code: 'weights-invalid' });
    const { problems } = (error as { details: { problems: string[] } }).details;
    expect(problems).toContain('textEncoder: encoder.layers.1.layer_norm1.weight: missing');
    expect(problems).toContain('conditioner: image_proj.odd: not a tensor of this network');
    expect(problems).toContain('conditioner: ip_adapter.1.to_k_ip.weight: missing');
    expect(problems.join()).toMatch(/mlp\.fc1\.weight: shape \[32, 16\]/);
  });

  test('another face encoder than the adapter was trained with', async () => {
    const error = await refused((files) => files.set('face_encoder/model.onnx', text('another')));
    expect(error).toMatchObject({ code: 'weights-invalid', message: /no pair/ });
  });

  test('a configuration that cannot be built', async () => {
    const error = await refused((files) => changed(files, 'unet/config.json', { class_embed_type: 'timestep' }));
    expect(error).toMatchObject({ code: 'bundle-invalid', message: /class_embed_type/ });
  });
});
