/** The one answer of the API, whatever was asked: its eight keys and ours, always all of them. */
import { seedOfImage } from '../domain/seeds.ts';
import type { Stage, StageTimings } from '../domain/task.ts';
import { toApiError, type ApiError, type ApiErrorName } from './api-error.ts';
import { picturePath, type ApiModel, type TaskReport } from './task-desk.ts';
import { toWire, wireName } from './wire-request.ts';

export type TaskStatus = 'PENDING' | 'SUCCESS' | 'FAILED';

export interface EnvelopeOutput {
  /** Addresses of pictures, or models for `list_of_Apps`. */
  readonly result: readonly unknown[];
  readonly Has_NSFW_Content: readonly boolean[];
  /** The same addresses: pictures are kept in one size. */
  readonly low_res_urls: readonly string[];
}

export interface Envelope {
  /** Seconds. */
  readonly time_required: { readonly startup_time: number; readonly runtime: number };
  readonly error: ApiErrorName | null;
  readonly error_data: string | null;
  readonly input: Readonly<Record<string, unknown>> | null;
  readonly output: EnvelopeOutput | null;
  readonly app_id: string | null;
  readonly task_id: string | null;
  readonly status: TaskStatus;
  readonly adjustments: readonly WireAdjustment[];
  readonly seeds: readonly number[];
  /** Per image, −1..1; null where no face was found in it. */
  readonly likeness: readonly (number | null)[];
  readonly safety_checked: boolean;
  /** 0..1. */
  readonly progress: number;
  readonly stage: Stage | null;
  readonly eta_ms: number | null;
  /** Tasks that wait before this one; null unless it waits. */
  readonly queue_position: number | null;
  /** Milliseconds per stage, e.g. `denoise_ms`. */
  readonly timings: Readonly<Record<string, number>>;
}

export interface WireAdjustment {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly reason: string;
}

const EMPTY: Envelope = {
  time_required: { startup_time: 0, runtime: 0 },
  error: null,
  error_data: null,
  input: null,
  output: null,
  app_id: null,
  task_id: null,
  status: 'FAILED',
  adjustments: [],
  seeds: [],
  likeness: [],
  safety_checked: false,
  progress: 0,
  stage: null,
  eta_ms: null,
  queue_position: null,
  timings: {},
};

/** The answer where there is no task: a refusal. */
export function refusalEnvelope({ error, errorData }: ApiError, taskId: string | null = null): Envelope {
  return { ...EMPTY, error, error_data: errorData, task_id: taskId };
}

/** The models that can be asked for. */
export function modelsEnvelope(models: readonly ApiModel[]): Envelope {
  const result = models.map(({ id, title, native, limits }) => {
    return { app_id: id, title, installed: limits !== null, native };
  });
  return { ...EMPTY, output: { result, Has_NSFW_Content: [], low_res_urls: [] }, status: 'SUCCESS' };
}

/** A task as it stands. `base`: the folder that picture addresses are resolved against. */
export function taskEnvelope(report: TaskReport, base: string): Envelope {
  const { taskId, request, state } = report;
  const asked: Envelope = {
    ...EMPTY,
    input: toWire(request),
    app_id: request.appId,
    task_id: taskId,
    status: 'PENDING',
    adjustments: wireAdjustments(report.adjustments),
    seeds: Array.from({ length: request.batch }, (_, index) => seedOfImage(request.seed, index)),
    safety_checked: report.safetyChecked,
  };
  switch (state.status) {
    case 'queued':
      return { ...asked, queue_position: state.position };
    case 'running': {
      const { progress, stage, etaMs } = state.progress;
      return { ...asked, progress, stage, eta_ms: etaMs };
    }
    case 'cancelled':
      return { ...asked, status: 'FAILED', error: 'Cancelled', error_data: 'The task was cancelled.' };
    case 'failed': {
      const { error, errorData } = toApiError(state.error);
      return { ...asked, status: 'FAILED', error, error_data: errorData };
    }
    case 'done': {
      const { images, adjustments, timings, startupMs, runtimeMs } = state.outcome;
      const urls = images.map(({ index }) => new URL(picturePath(taskId, index, request.outputFormat), base).href);
      return {
        ...asked,
        status: 'SUCCESS',
        time_required: { startup_time: startupMs / 1000, runtime: runtimeMs / 1000 },
        output: { result: urls, Has_NSFW_Content: urls.map(() => false), low_res_urls: urls },
        adjustments: wireAdjustments(adjustments),
        seeds: images.map(({ seed }) => seed),
        likeness: images.map(({ likeness }) => likeness),
        progress: 1,
        timings: wireTimings(timings),
      };
    }
  }
}

/** The HTTP status of a synchronous call's answer. */
export function taskHttpStatus({ state }: TaskReport): number {
  if (state.status === 'failed') return toApiError(state.error).httpStatus;
  return state.status === 'cancelled' ? 409 : 200;
}

function wireAdjustments(adjustments: TaskReport['adjustments']): WireAdjustment[] {
  return adjustments.map(({ field, from, to, reason }) => ({ field: wireName(field), from, to, reason }));
}

function wireTimings(timings: StageTimings): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [`${stage.replaceAll('-', '_')}_ms`, ms]));
}
