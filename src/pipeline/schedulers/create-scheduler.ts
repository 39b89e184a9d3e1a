import type { BundleManifest } from '../../bundle/manifest.ts';
import type { SchedulerKind } from '../../domain/request.ts';
import { DdimScheduler } from './ddim.ts';
import { DpmPp2mScheduler } from './dpmpp-2m.ts';
import { EulerScheduler } from './euler.ts';
import { LcmScheduler } from './lcm.ts';
import { NoiseSchedule } from './noise-schedule.ts';
import type { Scheduler } from './scheduler.ts';

/** A fresh scheduler for one image. Throws AppError `bundle-invalid` (see NoiseSchedule). */
export function createScheduler(kind: SchedulerKind, spec: BundleManifest['schedule']): Scheduler {
  const schedule = new NoiseSchedule(spec);
  switch (kind) {
    case 'ddim':
      return new DdimScheduler(schedule, spec.prediction);
    case 'lcm':
      return new LcmScheduler(schedule, spec.prediction);
    case 'euler':
      return new EulerScheduler(schedule, spec.prediction);
    case 'dpmpp-2m':
      return new DpmPp2mScheduler(schedule, spec.prediction);
  }
}
