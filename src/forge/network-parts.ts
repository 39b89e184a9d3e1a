/** Which tensors of a checkpoint make up which network of the bundle. */
import { AppError } from '../domain/errors.ts';
import type { Role } from '../domain/ports.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import type { Checkpoint } from './checkpoint-folder.ts';
import type { WeightSource } from './safetensors.ts';

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

/** Buffers that some exporters save beside the weights. */
const IGNORED = /(^|\.)position_ids$/;
/** Text and face keys and values are the same in every step, so they are the conditioner's. */
const CONDITIONING = /\.attn2\.to_[kv]\.weight$/;

/** The five built networks with their configs and the tensors that each takes from the checkpoint. */
export function networkParts({ configs, weights }: Checkpoint): NetworkPart[] {
  const unet = configs['unet/config.json'];
  const text = configs['text_encoder/config.json'];
  const vae = configs['vae/config.json'];
  const adapter = configs['face_adapter/config.json'];
  const autoencoder = { class: vae._class_name, config: shared(vae) };
  return [
    {
      role: 'textEncoder',
      spec: { class: text.architectures[0]!, config: shared(text) },
      // The prefix that transformers wrote before version 5.
      tensors: pick(
        weights.textEncoder,
        () => true,
        (name) => name.replace(/^text_model\./, ''),
      ),
    },
    {
      role: 'conditioner',
      spec: {
        class: 'FaceConditioner',
        config: { unet: shared(unet), adapter: { embedding: adapter.embedding, tokens: adapter.tokens } },
      },
      tensors: new Map([
        ...pick(weights.unet, (name) => CONDITIONING.test(name)),
        ...pick(weights.faceAdapter, () => true),
      ]),
    },
    {
      role: 'denoiser',
      spec: { class: unet._class_name, config: shared(unet) },
      tensors: pick(weights.unet, (name) => !CONDITIONING.test(name)),
    },
    { role: 'latentEncoder', spec: autoencoder, tensors: pick(weights.vae, (name) => !name.startsWith('decoder.')) },
    { role: 'latentDecoder', spec: autoencoder, tensors: pick(weights.vae, (name) => name.startsWith('decoder.')) },
  ];
}

/** Throws AppError `weights-invalid` with everything that is wrong in all networks. */
export function checkParts(parts: readonly NetworkPart[], check: CheckNetwork): void {
  const problems = parts.flatMap(({ role, spec, tensors }) => {
    const index: TensorIndex = {};
    for (const [name, { dims }] of tensors) {
      const length = 4 * dims.reduce((product, dim) => product * dim, 1);
      index[name] = { kind: 'float', file: 'unwritten', dims, dtype: 'float32', data: { offset: 0, length } };
    }
    return check({ role, ...spec }, index).map((problem) => `${role}: ${problem}`);
  });
  if (problems.length === 0) return;
  const shown = problems.slice(0, 12);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  throw new AppError('weights-invalid', `The weights do not fit their configuration: ${shown.join('; ')}.`, {
    details: { problems },
  });
}

function pick(
  source: WeightSource,
  wanted: (name: string) => boolean,
  rename: (name: string) => string = (name) => name,
): Map<string, TensorOrigin> {
  const origins = new Map<string, TensorOrigin>();
  for (const [name, dims] of source.shapes) {
    if (wanted(name) && !IGNORED.test(name)) origins.set(rename(name), { source, name, dims });
  }
  return origins;
}

/** A config without notes on where and with what it was made. */
function shared(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => !key.startsWith('_') && key !== 'transformers_version' && key !== 'dtype'),
  );
}
