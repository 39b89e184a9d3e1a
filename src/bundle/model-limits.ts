import type { ModelLimits } from '../domain/request-fields.ts';
import type { BundleManifest } from './manifest.ts';

/** What a request's defaults and adjustments need to know of a model. */
export function modelLimits(manifest: BundleManifest): ModelLimits {
  const { id, native, schedule, defaults, face } = manifest;
  return {
    id,
    native: { width: native.width, height: native.height },
    steps: schedule.steps,
    guidance: schedule.guidance,
    strength: defaults.strength,
    faceStrength: face.defaultScale,
    scheduler: schedule.kind,
  };
}
