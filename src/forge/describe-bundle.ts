/** The manifest of a compiled checkpoint. */
import type { BundleFile } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { Checkpoint } from './checkpoint-folder.ts';
import type { ModelCard } from './model-card.ts';
import type { NetworkPart } from './network-parts.ts';
import { setAlphaToOne, type SchedulerKind } from './scheduler-config.ts';

export interface BundleFacts {
  readonly checkpoint: Checkpoint;
  readonly card: ModelCard;
  readonly kind: SchedulerKind;
  readonly parts: readonly NetworkPart[];
  readonly files: readonly BundleFile[];
  /** Of the face encoder in the bundle or, without one, of the one that the adapter was trained with. */
  readonly encoderSha256: string | undefined;
  readonly quality: Record<string, unknown> | undefined;
}

/** Files of a bundle that are not weights. */
export const BUNDLE_PATHS = {
  weightIndex: 'weights.json',
  tokenizer: 'tokenizer.json',
  faceDetector: 'face_detector.onnx',
  faceEncoder: 'face_encoder.onnx',
} as const;

/** The manifest, unvalidated: what the configs, the card and the written files say together. */
export function describeBundle(facts: BundleFacts): BundleManifest {
  const { checkpoint, card, kind, parts, files, encoderSha256, quality } = facts;
  const { scheduler, textEncoder, autoencoder, tokenizer, adapter, detector, faceEncoder } = checkpoint;
  const { faceScale, guidance, maxGuidance, maxSteps, minSteps, smallestUsefulGuidance, steps, strength } =
    card.defaults;
  const encoder = faceEncoder?.settings;
  return {
    format: 1,
    id: card.id,
    title: card.title,
    version: card.version,
    family: 'sd-face',
    ...(card.note !== undefined && { note: card.note }),
    ...(card.resultLabel !== undefined && { resultLabel: card.resultLabel }),
    licences: card.licences,
    safetyChecked: false,
    latent: { ...card.latent, factor: autoencoder.factor, shift: autoencoder.shift },
    native: card.native,
    text: {
      tokens: textEncoder.facts.max_position_embeddings,
      width: textEncoder.facts.hidden_size,
      tokenizer: BUNDLE_PATHS.tokenizer,
      padTokenId: tokenizer.padTokenId,
      ...(card.knownWords !== undefined && { knownWords: card.knownWords }),
      ...(card.examples !== undefined && { examples: card.examples }),
    },
    face: {
      ...(detector !== undefined && { detector: detector.settings }),
      ...(encoder !== undefined && {
        encoder: {
          input: encoder.input,
          template: encoder.template,
          ...(encoder.fit !== undefined && { fit: encoder.fit }),
        },
      }),
      ...faceInput(checkpoint),
      tokens: adapter.tokens,
      ...(encoderSha256 !== undefined && { encoderSha256 }),
      defaultScale: faceScale,
    },
    schedule: {
      kind,
      betas: {
        kind: scheduler.beta_schedule,
        start: scheduler.beta_start,
        end: scheduler.beta_end,
        trainSteps: scheduler.num_train_timesteps,
      },
      prediction: scheduler.prediction_type,
      zeroTerminalSnr: scheduler.rescale_betas_zero_snr,
      setAlphaToOne: setAlphaToOne(scheduler),
      steps: { default: steps, min: minSteps, max: maxSteps },
      guidance: { default: guidance, smallestUseful: smallestUsefulGuidance, max: maxGuidance },
      unconditionalFace: card.unconditionalFace,
    },
    defaults: { strength },
    networks: {
      ...Object.fromEntries(parts.map(({ role, spec }) => [role, spec])),
      ...(detector !== undefined && { faceDetector: { onnx: BUNDLE_PATHS.faceDetector } }),
      ...(faceEncoder !== undefined && { faceEncoder: { onnx: BUNDLE_PATHS.faceEncoder } }),
    },
    weightIndex: BUNDLE_PATHS.weightIndex,
    files: [...files],
    ...(quality !== undefined && { quality }),
  };
}

/** CLIP's own (transformers 5.23, OPENAI_CLIP_MEAN and OPENAI_CLIP_STD), for pixels 0..255. */
const CLIP_PIXELS = {
  mean: [0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255],
  std: [0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255],
  order: 'rgb',
} as const;

/** What the adapter looks at: an embedding of this length, or the face as a picture. */
function faceInput({
  adapter,
  imageEncoder,
  faceEncoder,
}: Checkpoint): Pick<BundleManifest['face'], 'embedding' | 'image'> {
  if (adapter.route === 'face-id') return { embedding: adapter.input };
  return {
    // A face encoder only scores likeness then.
    ...(faceEncoder !== undefined && { embedding: faceEncoder.settings.embedding }),
    ...(imageEncoder !== undefined && {
      image: {
        mean: [...CLIP_PIXELS.mean],
        std: [...CLIP_PIXELS.std],
        order: CLIP_PIXELS.order,
        size: imageEncoder.facts.image_size,
      },
    }),
  };
}
