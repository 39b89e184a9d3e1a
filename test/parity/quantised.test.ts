/**
 * Quantised storage against the same numbers as floats: what changes is how a weight is stored and multiplied, never
 * its value, so the results must agree like two float implementations. f16 compute is another arithmetic: its
 * tolerance is loose and the measured figures stand beside it.
 */
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/domain/ports.ts';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../src/networks/build-network.ts';
import type { ComputeType } from '../../src/networks/graph.ts';
import type { InputDims } from '../../src/networks/input-dims.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { runGraph } from '../fixtures/run-graph.ts';
import { WeightStore, type Storage } from '../fixtures/weight-store.ts';
import { hashInput, relativeDifference } from './fixtures.ts';

const UNET = {
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [24, 40],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  attention_head_dim: 2,
  cross_attention_dim: 28,
  norm_num_groups: 4,
};
const NARROW = {
  in_channels: 3,
  out_channels: 3,
  base_channels: 4,
  encoder_widths: [4, 8, 8],
  encoder_blocks: [1, 1, 1],
  decoder_widths: [8, 8, 4],
  decoder_blocks: [1, 1, 1],
};
const TINY = {
  encoder_block_out_channels: [8, 8],
  decoder_block_out_channels: [8, 8],
  num_encoder_blocks: [1, 1],
  num_decoder_blocks: [1, 1],
};
const KL = {
  block_out_channels: [8, 16],
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  norm_num_groups: 4,
};
const VISION = {
  hidden_size: 40,
  intermediate_size: 72,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  image_size: 24,
  patch_size: 8,
  hidden_act: 'gelu',
};
const RESAMPLER = { dim: 32, depth: 2, dim_head: 8, heads: 3, num_queries: 3, embedding_dim: 40, output_dim: 28 };
const TEXT = {
  vocab_size: 50,
  hidden_size: 40,
  intermediate_size: 72,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 9,
  hidden_act: 'quick_gelu',
};
/** Three layers of 24 channels (down 1, up 2) and the middle's 40. */
const PACKED = 2 * (3 * 24 + 40);

const NETWORKS: { role: Role; spec: GraphNetworkSpec; dims: InputDims }[] = [
  {
    role: 'denoiser',
    spec: { class: 'UNet2DConditionModel', config: UNET },
    dims: { sample: [2, 4, 8, 6], timestep: [1], text_kv: [2, 5, PACKED], face_kv: [2, 3, PACKED] },
  },
  {
    role: 'denoiser',
    spec: { class: 'UNet2DConditionModel', config: { ...UNET, use_linear_projection: true } },
    dims: { sample: [1, 4, 8, 8], timestep: [1], text_kv: [1, 5, PACKED], face_kv: [1, 3, PACKED] },
  },
  {
    role: 'conditioner',
    spec: { class: 'FaceConditioner', config: { unet: UNET, adapter: { embedding: 20, tokens: 3 } } },
    dims: { text: [2, 5, 28], face: [2, 20], face_scale: [4] },
  },
  {
    role: 'conditioner',
    spec: { class: 'FaceConditioner', config: { unet: UNET, adapter: { tokens: 3 } } },
    dims: { text: [2, 5, 28], face_tokens: [2, 6, 28], face_scale: [4] },
  },
  {
    role: 'denoiser',
    spec: {
      class: 'UNet2DConditionModel',
      config: { ...UNET, time_cond_proj_dim: 6, transformer_layers_per_block: [1, 2] },
    },
    dims: {
      sample: [2, 4, 8, 6],
      timestep: [1],
      timestep_cond: [2, 6],
      text_kv: [2, 5, PACKED + 80],
      face_kv: [2, 3, PACKED + 80],
    },
  },
  {
    role: 'imageEncoder',
    spec: { class: 'CLIPVisionModelWithProjection', config: VISION },
    dims: { pixel_values: [2, 3, 24, 24] },
  },
  { role: 'resampler', spec: { class: 'Resampler', config: RESAMPLER }, dims: { hidden_states: [2, 10, 40] } },
  { role: 'latentEncoder', spec: { class: 'AutoencoderKL', config: KL }, dims: { image: [1, 3, 9, 12] } },
  { role: 'latentDecoder', spec: { class: 'AutoencoderKL', config: KL }, dims: { latent: [1, 4, 4, 5] } },
  { role: 'textEncoder', spec: { class: 'CLIPTextModel', config: TEXT }, dims: { input_ids: [1, 9] } },
  { role: 'latentEncoder', spec: { class: 'AutoencoderNarrow', config: NARROW }, dims: { image: [1, 3, 32, 32] } },
  { role: 'latentDecoder', spec: { class: 'AutoencoderNarrow', config: NARROW }, dims: { latent: [1, 16, 3, 2] } },
  { role: 'latentEncoder', spec: { class: 'AutoencoderTiny', config: TINY }, dims: { image: [1, 3, 16, 16] } },
  { role: 'latentDecoder', spec: { class: 'AutoencoderTiny', config: TINY }, dims: { latent: [1, 4, 6, 8] } },
];

type Choice = (name: string, dims: readonly number[]) => Storage;

const isConv = (dims: readonly number[]) => dims.length === 4;
const isTable = (name: string) => /(token|position)_embedding\.weight/.test(name);
const KINDS: Record<string, Choice> = {
  'half-precision floats': () => 'float16',
  'int8 convolutions, linears and embeddings': (_, dims) => (dims.length === 2 || isConv(dims) ? 'int8' : 'float32'),
  '8-bit linears, int8 embeddings': (name, dims) => {
    if (isTable(name)) return 'int8';
    return dims.length === 2 ? 'nbits8' : 'float32';
  },
  '4-bit linears, int8 convolutions': (name, dims) => {
    if (isConv(dims)) return 'int8';
    return dims.length === 2 && !isTable(name) ? 'nbits4' : 'float32';
  },
  '4-bit 1×1 convolutions': (_, dims) => (isConv(dims) && dims[2] === 1 ? 'nbits4' : 'float32'),
};

function inputs(dims: InputDims): Record<string, HostTensor> {
  const feeds = Object.entries(dims).map(([name, shape]): [string, HostTensor] => {
    if (name === 'timestep') return [name, float32Tensor(Float32Array.of(621), [1])];
    if (name !== 'input_ids') return [name, hashInput(name, shape)];
    return [name, { dtype: 'int32', dims: shape, data: Int32Array.from({ length: 9 }, (_, i) => (i * 11) % 50) }];
  });
  return Object.fromEntries(feeds);
}

/** Runs one network from quantised storage and from the floats that this storage stands for. */
async function both(network: (typeof NETWORKS)[number], choose: Choice, compute: [ComputeType, ComputeType]) {
  const { role, spec, dims } = network;
  const quantised = new WeightStore('weights.bin');
  const plain = new WeightStore('weights.bin');
  for (const { name, dims: shape } of requiredTensors(role, spec, dims)) {
    quantised.add(name, shape, choose(name, shape));
    plain.add(name, shape, 'float32', quantised.float(name));
  }
  const [actual, expected] = await Promise.all(
    [quantised, plain].map((store, i) =>
      runGraph(
        buildNetwork(role, spec, store.index, dims, compute[i]!),
        { 'weights.bin': store.bytes() },
        inputs(dims),
      ),
    ),
  );
  const worst = Object.keys(expected!).map((name) => relativeDifference(actual![name]!, expected![name]!));
  return Math.max(...worst);
}

for (const [kind, choose] of Object.entries(KINDS)) {
  describe(kind, () => {
    const touched = NETWORKS.filter(({ role, spec, dims }) =>
      requiredTensors(role, spec, dims).some((tensor) => choose(tensor.name, tensor.dims) !== 'float32'),
    );
    for (const network of touched) {
      it(`${network.role} (${network.spec.class}) equals its floats`, async () => {
        const worst = await both(network, choose, ['float32', 'float32']);
        expect(worst).toBeLessThan(1e-4);
      });
    }
  });
}

// Measured on onnxruntime-node 1.30 (CPU): UNet 1.7e-3, text encoder 1.2e-3, conditioner 0.8e-3, autoencoders 1.5e-3
// of the largest value.
describe('f16 compute over the same weights', () => {
  for (const network of NETWORKS) {
    it.each(Object.keys(KINDS))(`${network.role} (${network.spec.class}) stays close to f32, %s`, async (kind) => {
      const worst = await both(network, KINDS[kind]!, ['float16', 'float32']);
      expect(worst).toBeLessThan(1e-2);
    });
  }
});
