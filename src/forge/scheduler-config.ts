/** `scheduler_config.json` of diffusers 0.42: which noise the model was trained with, and which of our samplers suits it. */
import * as v from 'valibot';
import type { BundleManifest } from '../bundle/manifest.ts';

export type SchedulerKind = BundleManifest['schedule']['kind'];

const OWN = {
  DDIMScheduler: 'ddim',
  LCMScheduler: 'lcm',
  EulerDiscreteScheduler: 'euler',
  DPMSolverMultistepScheduler: 'dpmpp-2m',
} as const satisfies Record<string, SchedulerKind>;

/**
 * Samplers that are not built, and the nearest that is. The training noise is the same whatever the sampler. PNDM, which
 * SD1.5 is published with, is DDIM with a memory of earlier predictions and shares its end (`set_alpha_to_one`).
 */
const NEAREST = {
  PNDMScheduler: 'ddim',
  DDPMScheduler: 'ddim',
  EulerAncestralDiscreteScheduler: 'euler',
  HeunDiscreteScheduler: 'euler',
  LMSDiscreteScheduler: 'euler',
  DEISMultistepScheduler: 'dpmpp-2m',
  DPMSolverSinglestepScheduler: 'dpmpp-2m',
  UniPCMultistepScheduler: 'dpmpp-2m',
} as const satisfies Record<string, SchedulerKind>;

const KINDS: Readonly<Record<string, SchedulerKind>> = { ...OWN, ...NEAREST };

/** Defaults as the reference has them. */
export const schedulerSchema = v.object({
  _class_name: v.picklist(Object.keys(KINDS)),
  beta_schedule: v.picklist(['scaled_linear', 'linear']),
  beta_start: v.number(),
  beta_end: v.number(),
  trained_betas: v.nullish(v.never('only null is supported: the noise follows beta_schedule')),
  num_train_timesteps: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1000),
  prediction_type: v.optional(v.picklist(['epsilon', 'v_prediction']), 'epsilon'),
  rescale_betas_zero_snr: v.optional(v.boolean(), false),
  set_alpha_to_one: v.optional(v.boolean()),
});

export type SchedulerConfig = v.InferOutput<typeof schedulerSchema>;

/** Our sampler for the one that the checkpoint was published with. */
export function schedulerKind({ _class_name }: SchedulerConfig): SchedulerKind {
  return KINDS[_class_name]!;
}

/** Whether the checkpoint's own sampler is not the one that stands in for it. */
export function isStandIn({ _class_name }: SchedulerConfig): boolean {
  return !(_class_name in OWN);
}

/** PNDM's default is the only one that is false. */
export function setAlphaToOne({ _class_name, set_alpha_to_one }: SchedulerConfig): boolean {
  return set_alpha_to_one ?? _class_name !== 'PNDMScheduler';
}
