/** Which tensors of a checkpoint make up which network of the bundle. */
import type { Role } from '../domain/ports.ts';
import { elementCount } from '../domain/tensor.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { clipTextName, clipVisionName } from './clip-names.ts';
import type { Checkpoint } from './checkpoint-folder.ts';
import { isFaceLora } from './lora.ts';
import type { Problems } from './problems.ts';
import type { WeightSource } from './weight-source.ts';

export interface NetworkPart {
  readonly role: Role;
  readonly spec: { readonly class: string; readonly config: Record<string, unknown> };
  /** Where each tensor of the network comes from, by the name it has in the bundle. */
  readonly tensors: ReadonlyMap<string, TensorOrigin>;
}

export interface TensorOrigin {
  readonly source: WeightSource;
  /** Name in the source. */
  readonly name: string;
  readonly dims: readonly number[];
}

/** What is wrong with a network's tensors: missing, of another shape, or none of its own. */
export type CheckNetwork = (part: NetworkPart['spec'] & { role: Role }, tensors: TensorIndex) => readonly string[];

/** Text and face keys and values are the same in every step, so they are the conditioner's. */
const CONDITIONING = /\.attn2\.to_[kv]\.weight$/;
const DECODER = /^(decoder|post_quant_conv)\./;

/**
 * The built networks with their configs and the tensors that each takes from the checkpoint.
 *
 * @param clipSkip how many of the text encoder's last layers are left out
 */
export function networkParts(checkpoint: Checkpoint, clipSkip = 0): NetworkPart[] {
  const { unet, textEncoder, autoencoder, adapter } = checkpoint;
  const unetConfig = shared(unet.config);
  const latents = { class: autoencoder.className, config: shared(autoencoder.config, FIRST_LATENT_KEYS) };
  const latentTensors = [...autoencoder.tensors].map(
    ([name, origin]) => [name, { ...origin, dims: origin.source.shapes.get(origin.name)! }] as const,
  );
  // Its LoRA has been folded into the UNet.
  const ofAdapter = pick(
    adapter.weights,
    where((name) => !isFaceLora(name)),
  );
  return [
    {
      role: 'textEncoder',
      spec: {
        class: textEncoder.facts.architectures[0]!,
        config: { ...shared(textEncoder.config, FIRST_KEYS), ...(clipSkip > 0 && { clip_skip: clipSkip }) },
      },
      tensors: pick(textEncoder.weights, (name) => clipTextName(name, textEncoder.facts.num_hidden_layers, clipSkip)),
    },
    ...imageParts(checkpoint),
    {
      role: 'conditioner',
      spec: {
        class: 'FaceConditioner',
        config: {
          unet: unetConfig,
          adapter: { ...(adapter.route === 'face-id' && { embedding: adapter.input }), tokens: adapter.tokens },
        },
      },
      tensors: new Map([
        ...pick(
          unet.weights,
          where((name) => CONDITIONING.test(name)),
        ),
        ...[...ofAdapter].filter(([name]) => adapter.route === 'face-id' || !name.startsWith('image_proj.')),
      ]),
    },
    {
      role: 'denoiser',
      spec: { class: unet.facts._class_name, config: unetConfig },
      tensors: pick(
        unet.weights,
        where((name) => !CONDITIONING.test(name)),
      ),
    },
    { role: 'latentEncoder', spec: latents, tensors: new Map(latentTensors.filter(([name]) => !DECODER.test(name))) },
    { role: 'latentDecoder', spec: latents, tensors: new Map(latentTensors.filter(([name]) => DECODER.test(name))) },
  ];
}

/** CLIP's image encoder up to the states that IP-Adapter-plus looks at (the last layer but one), and its resampler. */
function imageParts({ adapter, imageEncoder }: Checkpoint): NetworkPart[] {
  if (adapter.resampler === undefined || imageEncoder === undefined) return [];
  const { config, facts, weights } = imageEncoder;
  return [
    {
      role: 'imageEncoder',
      spec: { class: facts.architectures[0]!, config: shared(config) },
      tensors: pick(weights, (name) => clipVisionName(name, facts.num_hidden_layers)),
    },
    {
      role: 'resampler',
      spec: { class: 'Resampler', config: { ...adapter.resampler } },
      tensors: pick(
        adapter.weights,
        where((name) => name.startsWith('image_proj.')),
      ),
    },
  ];
}

/** Everything that keeps the networks from being built becomes a problem. */
export async function checkParts(
  parts: readonly NetworkPart[],
  check: CheckNetwork,
  problems: Problems,
): Promise<void> {
  for (const { role, spec, tensors } of parts) {
    const index: TensorIndex = {};
    for (const [name, { dims }] of tensors) {
      const length = 4 * elementCount(dims);
      index[name] = { kind: 'float', file: 'unwritten', dims, dtype: 'float32', data: { offset: 0, length } };
    }
    const found = await problems.collect(() => check({ role, ...spec }, index));
    for (const problem of found ?? []) problems.weights(`${role}: ${problem}`);
  }
}

/** `nameOf`: a tensor's name in the bundle; undefined for one that is not wanted. */
function pick(source: WeightSource, nameOf: (name: string) => string | undefined): Map<string, TensorOrigin> {
  const origins = new Map<string, TensorOrigin>();
  for (const [name, dims] of source.shapes) {
    const nameInBundle = nameOf(name);
    if (nameInBundle !== undefined) origins.set(nameInBundle, { source, name, dims });
  }
  return origins;
}

function where(wanted: (name: string) => boolean): (name: string) => string | undefined {
  return (name) => (wanted(name) ? name : undefined);
}

/** Notes on how a network was made and saved, which say nothing about it. */
const NOTES = ['transformers_version', 'dtype', 'torch_dtype'];

/** What the manifest repeats stands first; the order is part of a bundle's bytes, which must not change for nothing. */
const FIRST_KEYS = ['architectures', 'hidden_size', 'max_position_embeddings', 'pad_token_id'];
const FIRST_LATENT_KEYS = ['scaling_factor', 'shift_factor'];

/** A config without notes on where and with what it was made. */
function shared(config: Record<string, unknown>, first: readonly string[] = []): Record<string, unknown> {
  const keys = Object.keys(config).filter((key) => !key.startsWith('_') && !NOTES.includes(key));
  const ordered = [...first.filter((key) => keys.includes(key)), ...keys.filter((key) => !first.includes(key))];
  return Object.fromEntries(ordered.map((key) => [key, config[key]]));
}
