/**
 * A checkpoint in the diffusers folder layout, with a face adapter and the two face networks beside it:
 * unet/, text_encoder/, tokenizer/, vae/, scheduler/, face_adapter/, face_detector/, face_encoder/ and a card.
 */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { readAll, type RandomAccess } from './random-access.ts';
import { openSafetensors, type WeightSource } from './safetensors.ts';

export interface CheckpointFolder {
  readonly name: string;
  /** undefined when there is no such file. */
  open(path: string): Promise<RandomAccess | undefined>;
}

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const threshold = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const perChannel = v.union([v.number(), v.tuple([v.number(), v.number(), v.number()])]);
const pixels = { mean: perChannel, std: perChannel, order: v.picklist(['rgb', 'bgr']) };
const preview = v.object({
  matrix: v.tuple([v.array(v.number()), v.array(v.number()), v.array(v.number())]),
  bias: v.tuple([v.number(), v.number(), v.number()]),
});

/** What no network's config tells: names, licences, native size, defaults. */
const cardSchema = v.object({
  id: v.string(),
  title: v.string(),
  version: v.string(),
  note: v.optional(v.string()),
  resultLabel: v.optional(v.string()),
  licences: v.array(
    v.object({ part: v.string(), name: v.string(), commercialUse: v.boolean(), url: v.optional(v.string()) }),
  ),
  latent: v.object({ channels: positive, downscale: positive, preview }),
  native: v.object({
    width: positive,
    height: positive,
    multiple: positive,
    areas: v.array(v.tuple([positive, positive])),
  }),
  defaults: v.object({
    steps: positive,
    minSteps: positive,
    maxSteps: positive,
    guidance: v.number(),
    smallestUsefulGuidance: v.number(),
    maxGuidance: v.number(),
    faceScale: v.number(),
    strength: v.number(),
  }),
  unconditionalFace: v.picklist(['zero', 'same']),
  knownWords: v.optional(v.record(v.string(), v.array(v.string()))),
  examples: v.optional(v.array(v.string())),
});

const SCHEDULERS = {
  DDIMScheduler: 'ddim',
  LCMScheduler: 'lcm',
  EulerDiscreteScheduler: 'euler',
  DPMSolverMultistepScheduler: 'dpmpp-2m',
} as const;

/** scheduler_config.json; defaults as the reference has them. */
const schedulerSchema = v.object({
  _class_name: v.picklist(Object.keys(SCHEDULERS) as (keyof typeof SCHEDULERS)[]),
  beta_schedule: v.picklist(['scaled_linear', 'linear']),
  beta_start: v.number(),
  beta_end: v.number(),
  num_train_timesteps: v.optional(positive, 1000),
  prediction_type: v.optional(v.picklist(['epsilon', 'v_prediction']), 'epsilon'),
  rescale_betas_zero_snr: v.optional(v.boolean(), false),
  set_alpha_to_one: v.optional(v.boolean(), true),
});

/** A network's own config is checked by whoever builds it; here only what the manifest repeats. */
const SCHEMAS = {
  'starter.json': cardSchema,
  'scheduler/scheduler_config.json': schedulerSchema,
  'unet/config.json': v.looseObject({ _class_name: v.string() }),
  'text_encoder/config.json': v.looseObject({
    architectures: v.pipe(v.array(v.string()), v.minLength(1)),
    hidden_size: positive,
    max_position_embeddings: positive,
    pad_token_id: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
  'vae/config.json': v.looseObject({
    _class_name: v.string(),
    scaling_factor: v.optional(v.number(), 1),
    shift_factor: v.optional(v.nullable(v.number()), 0),
  }),
  'face_adapter/config.json': v.object({ embedding: positive, tokens: positive, trained_with: v.optional(v.string()) }),
  'face_detector/config.json': v.object({
    decode: v.picklist(['heatmap', 'yunet']),
    input: v.object({ ...pixels, width: positive, height: positive }),
    scoreThreshold: threshold,
    nmsIou: threshold,
    scales: v.array(v.number()),
  }),
  'face_encoder/config.json': v.object({
    embedding: positive,
    template: v.picklist(['arcface-112']),
    fit: v.optional(v.picklist(['crop', 'picture'])),
    input: v.object({ ...pixels, size: positive }),
  }),
} as const;

type Configs = { readonly [P in keyof typeof SCHEMAS]: v.InferOutput<(typeof SCHEMAS)[P]> };

const WEIGHTS = {
  unet: 'unet/diffusion_pytorch_model.safetensors',
  textEncoder: 'text_encoder/model.safetensors',
  vae: 'vae/diffusion_pytorch_model.safetensors',
  faceAdapter: 'face_adapter/model.safetensors',
} as const;

const COPIES = {
  tokenizer: 'tokenizer/tokenizer.json',
  faceDetector: 'face_detector/model.onnx',
  faceEncoder: 'face_encoder/model.onnx',
} as const;

export interface Checkpoint {
  readonly configs: Configs;
  readonly weights: Readonly<Record<keyof typeof WEIGHTS, WeightSource>>;
  readonly copies: Readonly<Record<keyof typeof COPIES, RandomAccess>>;
}

/** Our name of the scheduler that a checkpoint was tuned for. */
export function schedulerKind(
  config: Configs['scheduler/scheduler_config.json'],
): 'ddim' | 'lcm' | 'euler' | 'dpmpp-2m' {
  return SCHEDULERS[config._class_name];
}

/**
 * Opens every file, reads all configs and the weights' headers.
 * Throws AppError `bundle-missing-file` listing all absent files, `bundle-invalid` listing all bad config fields,
 * `weights-invalid` for a damaged weight file.
 */
export async function openCheckpoint(folder: CheckpointFolder): Promise<Checkpoint> {
  const files = await openAll(folder, [...Object.keys(SCHEMAS), ...Object.values(WEIGHTS), ...Object.values(COPIES)]);
  const configs: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [path, schema] of Object.entries(SCHEMAS)) {
    const parsed = v.safeParse(schema, await readJson(files.get(path)!));
    if (parsed.success) configs[path] = parsed.output;
    else
      for (const issue of parsed.issues) problems.push(`${path}: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
  }
  if (problems.length > 0) {
    throw new AppError('bundle-invalid', `${folder.name}: ${problems.join('; ')}`, { details: { fields: problems } });
  }
  const weights: [string, WeightSource][] = [];
  for (const [key, path] of Object.entries(WEIGHTS)) weights.push([key, await openSafetensors(files.get(path)!)]);
  return {
    // Every key of the three tables was filled above.
    configs: configs as unknown as Configs,
    weights: Object.fromEntries(weights) as Checkpoint['weights'],
    copies: Object.fromEntries(
      Object.entries(COPIES).map(([key, path]) => [key, files.get(path)!]),
    ) as Checkpoint['copies'],
  };
}

async function openAll(folder: CheckpointFolder, paths: readonly string[]): Promise<Map<string, RandomAccess>> {
  const files = new Map<string, RandomAccess>();
  for (const path of paths) {
    const file = await folder.open(path);
    if (file !== undefined) files.set(path, file);
  }
  const missing = paths.filter((path) => !files.has(path));
  if (missing.length > 0) {
    throw new AppError('bundle-missing-file', `${folder.name} lacks ${missing.join(', ')}.`, {
      details: { files: missing },
    });
  }
  return files;
}

async function readJson(file: RandomAccess): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await readAll(file))) as unknown;
  } catch (cause) {
    throw new AppError('bundle-invalid', `${file.name} is not JSON.`, { details: { file: file.name }, cause });
  }
}
