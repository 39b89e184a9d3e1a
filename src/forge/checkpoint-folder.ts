/**
 * A checkpoint as it is published: a base in the diffusers folder layout and, given beside it or lying in it, the face
 * adapter, another autoencoder, an image encoder and the two face networks.
 */
import * as v from 'valibot';
import { openAutoencoder, type Autoencoder, type AutoencoderInput } from './autoencoder-files.ts';
import type { FaceAdapter } from './face-adapter.ts';
import { openAdapter, openDetector, openFaceEncoder, type OnnxPart } from './face-files.ts';
import type { DetectorSettings, EncoderSettings } from './face-onnx.ts';
import { openConfig, openFolderWeights, shownPath, type CheckpointFolder, type FileOpener } from './folder-files.ts';
import { cardSchema, type ModelCard } from './model-card.ts';
import type { Problems } from './problems.ts';
import type { WeightSource } from './weight-source.ts';
import { schedulerSchema, type SchedulerConfig } from './scheduler-config.ts';
import { openTokenizer, type CheckpointTokenizer } from './checkpoint-tokenizer.ts';

export type { CheckpointFolder } from './folder-files.ts';

/** Everything that a bundle is made of; what is not given is looked for in the base folder. */
export interface CheckpointInputs {
  readonly base: CheckpointFolder;
  readonly adapter?: FileOpener | undefined;
  readonly autoencoder?: AutoencoderInput | undefined;
  readonly imageEncoder?: CheckpointFolder | undefined;
  readonly detector?: FileOpener | undefined;
  readonly faceEncoder?: FileOpener | undefined;
}

/** A network's config.json, what is read of it here, and its weights. */
export interface NetworkFiles<Facts> {
  readonly config: Record<string, unknown>;
  readonly facts: Facts;
  readonly weights: WeightSource;
}

export interface Checkpoint {
  readonly name: string;
  /** Only a checkpoint of our own training has one. */
  readonly card: ModelCard | undefined;
  readonly scheduler: SchedulerConfig;
  readonly unet: NetworkFiles<v.InferOutput<typeof unetFacts>>;
  readonly textEncoder: NetworkFiles<v.InferOutput<typeof textFacts>>;
  readonly autoencoder: Autoencoder;
  readonly tokenizer: CheckpointTokenizer;
  readonly adapter: FaceAdapter;
  /** SHA-256 of the face encoder that the adapter was trained with, where it is known. */
  readonly trainedWith: string | undefined;
  readonly imageEncoder: NetworkFiles<v.InferOutput<typeof visionFacts>> | undefined;
  readonly detector: OnnxPart<DetectorSettings> | undefined;
  readonly faceEncoder: OnnxPart<EncoderSettings> | undefined;
}

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

/** A network's own config is checked by whoever builds it; here only what is needed beyond the network. */
const unetFacts = v.object({
  _class_name: v.literal('UNet2DConditionModel'),
  in_channels: positive,
  cross_attention_dim: v.union([positive, v.pipe(v.array(positive), v.minLength(1))]),
  sample_size: v.nullish(positive),
});
const className = v.pipe(v.array(v.string()), v.minLength(1));
const textFacts = v.object({
  architectures: className,
  hidden_size: positive,
  max_position_embeddings: positive,
  num_hidden_layers: positive,
  pad_token_id: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0))),
});
const visionFacts = v.object({
  architectures: className,
  hidden_size: positive,
  num_hidden_layers: positive,
  image_size: positive,
});

const CARD = 'starter.json';

/**
 * Opens every file, reads all configs and the weights' headers. Everything that is wrong becomes a problem; the result is
 * undefined then, or lacks what is optional.
 */
export async function openCheckpoint(inputs: CheckpointInputs, problems: Problems): Promise<Checkpoint | undefined> {
  const { base } = inputs;
  const own = (await base.open(CARD)) !== undefined;
  const card = own ? await openConfig(base, CARD, cardSchema, problems) : undefined;
  const scheduler = await openConfig(base, 'scheduler/scheduler_config.json', schedulerSchema, problems);
  const unet = await openNetwork(base, 'unet/', 'diffusers', unetFacts, problems);
  const textEncoder = await openNetwork(base, 'text_encoder/', 'transformers', textFacts, problems);
  const autoencoder = await problems.collect(() => openAutoencoder(inputs.autoencoder, base, problems));
  const tokenizer = await problems.collect(() =>
    openTokenizer(base, own ? (textEncoder?.facts.pad_token_id ?? undefined) : undefined),
  );
  const textWidth = unet && [unet.facts.cross_attention_dim].flat()[0];
  if (unet && textEncoder && autoencoder) requireOneBase({ unet, textEncoder, autoencoder }, problems);
  const { adapter, trainedWith } = await openAdapter(inputs.adapter, base, textWidth, problems);
  const imageEncoder =
    inputs.imageEncoder && (await openNetwork(inputs.imageEncoder, '', 'transformers', visionFacts, problems));
  if (adapter) requireImageEncoder(adapter, imageEncoder, inputs.imageEncoder, problems);
  const detector = await openDetector(inputs.detector, base, problems);
  const embedding = adapter?.route === 'face-id' ? adapter.input : undefined;
  const faceEncoder = await openFaceEncoder(inputs.faceEncoder, base, embedding, problems);

  if (own && !card) return undefined;
  if (!scheduler || !unet || !textEncoder || !autoencoder || !tokenizer || !adapter) return undefined;
  return {
    ...{ name: base.name, card, scheduler, unet, textEncoder, autoencoder, tokenizer },
    ...{ adapter, trainedWith, imageEncoder, detector, faceEncoder },
  };
}

async function openNetwork<const S extends v.GenericSchema>(
  folder: CheckpointFolder,
  inside: string,
  written: 'diffusers' | 'transformers',
  schema: S,
  problems: Problems,
): Promise<NetworkFiles<v.InferOutput<S>> | undefined> {
  const path = `${inside}config.json`;
  const config = await openConfig(folder, path, v.record(v.string(), v.unknown()), problems);
  const facts = config && problems.parse(shownPath(folder, path), schema, config);
  const weights = await problems.collect(() => openFolderWeights(folder, inside, written));
  return config && facts !== undefined && weights ? { config, facts, weights } : undefined;
}

/** The base's networks that were not made for each other. */
function requireOneBase(
  { unet, textEncoder, autoencoder }: Pick<Checkpoint, 'unet' | 'textEncoder' | 'autoencoder'>,
  problems: Problems,
): void {
  const { in_channels: channels, cross_attention_dim: width } = unet.facts;
  const [textWidth] = [width].flat();
  if (channels === 9) {
    problems.config('unet/config.json: 9 in_channels are an inpainting model; use the ordinary one');
  } else if (channels !== autoencoder.latentChannels) {
    problems.config(
      `unet/config.json: in_channels is ${channels}, but the autoencoder's latents have ${autoencoder.latentChannels} channels`,
    );
  }
  if (textWidth !== textEncoder.facts.hidden_size) {
    problems.config(
      `unet/config.json: cross_attention_dim is ${textWidth}, but the text encoder's states are ${textEncoder.facts.hidden_size} wide`,
    );
  }
}

/** plus-face wants the image encoder that it was trained with, FaceID none. */
function requireImageEncoder(
  adapter: FaceAdapter,
  imageEncoder: Checkpoint['imageEncoder'],
  given: CheckpointFolder | undefined,
  problems: Problems,
): void {
  const { input, route, weights } = adapter;
  if (route === 'face-id') {
    if (given) problems.config('--image-encoder: this adapter takes a face embedding; leave the image encoder out');
  } else if (given === undefined) {
    problems.missing('--image-encoder FOLDER', `${weights.name} looks at the face with CLIP's image encoder`);
  } else if (imageEncoder && imageEncoder.facts.hidden_size !== input) {
    problems.weights(
      `${weights.name} takes states ${input} wide, but those of ${given.name} are ${imageEncoder.facts.hidden_size} wide: give the image encoder that it was trained with`,
    );
  }
}
