/** What no network's config tells of a model: names, licences, native size, defaults. */
import * as v from 'valibot';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { SchedulerKind } from './scheduler-config.ts';

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const licence = v.object({
  part: v.string(),
  name: v.string(),
  commercialUse: v.boolean(),
  url: v.optional(v.string()),
});
export type Licence = v.InferOutput<typeof licence>;

/** `starter.json`, which a checkpoint of our own training brings along. */
export const cardSchema = v.object({
  id: v.string(),
  title: v.string(),
  version: v.string(),
  note: v.optional(v.string()),
  resultLabel: v.optional(v.string()),
  licences: v.array(licence),
  latent: v.object({
    channels: positive,
    downscale: positive,
    preview: v.object({
      matrix: v.tuple([v.array(v.number()), v.array(v.number()), v.array(v.number())]),
      bias: v.tuple([v.number(), v.number(), v.number()]),
    }),
  }),
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
export type ModelCard = v.InferOutput<typeof cardSchema>;

/** What the person who compiles says of the model; the rest follows from the files. */
export interface CardWishes {
  readonly id?: string;
  readonly title?: string;
  readonly version?: string;
  readonly licences?: readonly Licence[];
  readonly scheduler?: SchedulerKind;
  /** Default steps. */
  readonly steps?: number;
  /** Default guidance, 1 = none. */
  readonly guidance?: number;
}

export interface CardFacts {
  /** Name of the base folder. */
  readonly name: string;
  readonly scheduler: SchedulerKind;
  /** Latent cells of the size that the UNet was trained at. */
  readonly sampleSize: number;
  readonly latentChannels: number;
  /** Pixels per latent cell. */
  readonly downscale: number;
  /** Parts that need a licence, as `--licence` names them. */
  readonly parts: readonly string[];
}

/**
 * SD1.x latents to RGB in -1..1, per latent channel: the linear fit of
 * https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204.
 */
const SD1_PREVIEW = [
  [0.298, 0.207, 0.208],
  [0.187, 0.286, 0.173],
  [-0.158, 0.189, 0.264],
  [-0.184, -0.271, -0.473],
] as const;

/**
 * Few-step models made with LCM distillation want no guidance to speak of, and the face somewhat louder (both measured
 * by users of IP-Adapter with LCM-LoRA); others the ordinary 20 to 30 steps with guidance.
 */
const DISTILLED = {
  ...{ steps: 6, minSteps: 1, maxSteps: 50, faceScale: 0.8, strength: 0.4 },
  ...{ guidance: 1, smallestUsefulGuidance: 1.5, maxGuidance: 2 },
};
const ORDINARY = {
  ...{ steps: 25, minSteps: 1, maxSteps: 50, faceScale: 0.7, strength: 0.4 },
  ...{ guidance: 6, smallestUsefulGuidance: 3, maxGuidance: 15 },
};

/** The card of a checkpoint that brings none. Licences that nobody named are unknown, so nothing may be sold with it. */
export function deriveCard(facts: CardFacts, wishes: CardWishes): ModelCard {
  const native = facts.sampleSize * facts.downscale;
  const defaults = facts.scheduler === 'lcm' ? DISTILLED : ORDINARY;
  const guidance = wishes.guidance ?? defaults.guidance;
  return {
    id: wishes.id ?? slug(facts.name),
    title: wishes.title ?? facts.name,
    version: wishes.version ?? '1.0.0',
    licences: facts.parts.map((part) => {
      // `lora` speaks for all LoRAs, `lora x.safetensors` for one.
      const given = wishes.licences?.find(({ part: named }) => part === named || part.startsWith(`${named} `));
      return { ...(given ?? { name: 'unknown', commercialUse: false }), part };
    }),
    latent: { channels: facts.latentChannels, downscale: facts.downscale, preview: preview(facts.latentChannels) },
    native: { width: native, height: native, multiple: facts.downscale, areas: [] },
    defaults: {
      ...defaults,
      steps: wishes.steps ?? defaults.steps,
      guidance,
      maxGuidance: Math.max(defaults.maxGuidance, guidance),
    },
    unconditionalFace: 'zero',
  };
}

/** SD1.x's fit for its four channels; a grey picture for latents that nobody has fitted. */
function preview(channels: number): BundleManifest['latent']['preview'] {
  const row = (colour: 0 | 1 | 2): number[] =>
    channels === 4 ? SD1_PREVIEW.map((factors) => factors[colour] / 2) : new Array<number>(channels).fill(0);
  return { matrix: [row(0), row(1), row(2)], bias: [0.5, 0.5, 0.5] };
}

/** Lower-case letters, digits and dashes, as a bundle's id has to be. */
function slug(name: string): string {
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return id === '' ? 'model' : id;
}
