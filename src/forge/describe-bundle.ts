/** The manifest of a compiled checkpoint. */
import { AppError } from '../domain/errors.ts';
import type { BundleFile } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { schedulerKind, type Checkpoint } from './checkpoint-folder.ts';
import type { NetworkPart } from './network-parts.ts';

/** The manifest, unvalidated: what the configs, the card and the written files say together. */
export function describeBundle(
  configs: Checkpoint['configs'],
  parts: readonly NetworkPart[],
  files: readonly BundleFile[],
  encoderSha256: string,
): BundleManifest {
  const card = configs['starter.json'];
  const scheduler = configs['scheduler/scheduler_config.json'];
  const text = configs['text_encoder/config.json'];
  const vae = configs['vae/config.json'];
  const adapter = configs['face_adapter/config.json'];
  const encoder = configs['face_encoder/config.json'];
  const { faceScale, guidance, maxGuidance, maxSteps, minSteps, smallestUsefulGuidance, steps, strength } =
    card.defaults;
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
    latent: { ...card.latent, factor: vae.scaling_factor, shift: vae.shift_factor ?? 0 },
    native: card.native,
    text: {
      tokens: text.max_position_embeddings,
      width: text.hidden_size,
      tokenizer: 'tokenizer.json',
      padTokenId: text.pad_token_id,
      ...(card.knownWords !== undefined && { knownWords: card.knownWords }),
      ...(card.examples !== undefined && { examples: card.examples }),
    },
    face: {
      detector: configs['face_detector/config.json'],
      encoder: {
        input: encoder.input,
        template: encoder.template,
        ...(encoder.fit !== undefined && { fit: encoder.fit }),
      },
      embedding: adapter.embedding,
      tokens: adapter.tokens,
      encoderSha256,
      defaultScale: faceScale,
    },
    schedule: {
      kind: schedulerKind(scheduler),
      betas: {
        kind: scheduler.beta_schedule,
        start: scheduler.beta_start,
        end: scheduler.beta_end,
        trainSteps: scheduler.num_train_timesteps,
      },
      prediction: scheduler.prediction_type,
      zeroTerminalSnr: scheduler.rescale_betas_zero_snr,
      setAlphaToOne: scheduler.set_alpha_to_one,
      steps: { default: steps, min: minSteps, max: maxSteps },
      guidance: { default: guidance, smallestUseful: smallestUsefulGuidance, max: maxGuidance },
      unconditionalFace: card.unconditionalFace,
    },
    defaults: { strength },
    networks: {
      ...Object.fromEntries(parts.map(({ role, spec }) => [role, spec])),
      faceDetector: { onnx: 'face_detector.onnx' },
      faceEncoder: { onnx: 'face_encoder.onnx' },
    },
    weightIndex: 'weights.json',
    files: [...files],
  };
}

/**
 * Throws AppError `weights-invalid` when the adapter was trained with another face encoder than the one given: the
 * face would be wrong without any error.
 */
export function requirePair(configs: Checkpoint['configs'], encoderSha256: string): void {
  const adapter = configs['face_adapter/config.json'];
  const encoder = configs['face_encoder/config.json'];
  const problems: string[] = [];
  if (adapter.embedding !== encoder.embedding) {
    problems.push(`the encoder gives ${encoder.embedding} numbers, the adapter takes ${adapter.embedding}`);
  }
  if (adapter.trained_with !== undefined && adapter.trained_with !== encoderSha256) {
    problems.push(`the encoder's SHA-256 is ${encoderSha256}, the adapter was trained with ${adapter.trained_with}`);
  }
  if (problems.length > 0) {
    throw new AppError('weights-invalid', `face_adapter and face_encoder are no pair: ${problems.join('; ')}.`, {
      details: { problems },
    });
  }
}
