/** The API over HTTP: a request goes in, the envelope comes out. The same for `serve` and for the service worker. */
import { AppError } from '../domain/errors.ts';
import { HttpRefusal, toApiError, type ApiError } from './api-error.ts';
import { modelsEnvelope, refusalEnvelope, taskEnvelope, taskHttpStatus, type Envelope } from './envelope.ts';
import { guardMethod, guardOrigin, readIdempotency, readJson } from './http-guards.ts';
import { routeOf, type Route } from './routes.ts';
import type { TaskDesk, TaskReport } from './task-desk.ts';
import { parseWireRequest } from './wire-request.ts';

export interface HttpApiOptions {
  readonly desk: TaskDesk;
  /** The folder that the paths hang under, ending in a slash: an origin, or the service worker's scope. */
  readonly base: (request: Request) => URL;
  readonly randomSeed: () => number;
  readonly newTaskId: () => string;
  /** Origins of other sites whose pages may call. */
  readonly allowedOrigins?: readonly string[];
  /** A synchronous call that still runs after this time is answered PENDING with its task id. */
  readonly syncLimitMs: number;
  readonly maxBodyBytes: number;
  /** Throws AppError `unauthorized` or `rate-limited`; asked after the preflight, before anything is read. */
  readonly admit?: (request: Request, route: Route | undefined) => Promise<void>;
  /** Told what went wrong inside; the caller gets a short reason only. */
  readonly onInternalError?: (error: unknown) => void;
}

const PATHS = 'POST /getImagetoImage, /getImage, /cancelTask; GET /list_of_Apps, /results/<task>/<n>.png';
const METHODS = {
  generate: ['POST'],
  task: ['POST'],
  cancel: ['POST'],
  models: ['GET', 'HEAD'],
  picture: ['GET', 'HEAD'],
} as const satisfies Record<Route['name'], readonly string[]>;
const PREFLIGHT_SECONDS = 600;
const COMMON_HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'",
};

/** Never rejects: whatever comes in, an answer goes out. */
export function createHttpApi(options: HttpApiOptions): (request: Request) => Promise<Response> {
  const allowed = options.allowedOrigins ?? [];
  return async (request) => {
    const response = await answer(request).catch((thrown: unknown) => {
      const error = toApiError(thrown);
      if (error.httpStatus === 500) options.onInternalError?.(thrown);
      return refusal(error);
    });
    const origin = request.headers.get('Origin');
    if (allowed.length > 0) response.headers.append('Vary', 'Origin');
    if (origin !== null && allowed.includes(origin)) {
      response.headers.set('Access-Control-Allow-Origin', origin);
      response.headers.set('Access-Control-Expose-Headers', 'Retry-After');
    }
    return request.method === 'HEAD' ? new Response(null, response) : response;
  };

  async function answer(request: Request): Promise<Response> {
    const base = options.base(request);
    const route = routeOf(new URL(request.url), base);
    const readOnly = route?.name === 'models' || route?.name === 'picture';
    guardOrigin(request, base.origin, allowed, readOnly);
    if (request.method === 'OPTIONS') return preflight(request, route);
    await options.admit?.(request, route);
    if (route === undefined) throw new HttpRefusal(404, 'Service Not Found', `There is no such path. Known: ${PATHS}.`);
    guardMethod(request, METHODS[route.name]);
    switch (route.name) {
      case 'generate':
        return generate(request, base);
      case 'task':
        return reportOn(await readTaskId(request), base);
      case 'cancel': {
        const taskId = await readTaskId(request);
        await options.desk.cancel(taskId);
        return reportOn(taskId, base);
      }
      case 'models':
        return envelope(200, modelsEnvelope((await options.desk.models()).models));
      case 'picture':
        return picture(route.taskId, route.index);
    }
  }

  async function generate(request: Request, base: URL): Promise<Response> {
    const { json, text } = await readJson(request, options.maxBodyBytes);
    const idempotency = await readIdempotency(request, text);
    const { models, defaultModel } = await options.desk.models();
    const normalised = parseWireRequest(json, {
      models: new Map(models.map(({ id, limits }) => [id, limits])),
      defaultModel,
      randomSeed: options.randomSeed,
    });
    const taskId = await options.desk.submit({ taskId: options.newTaskId(), ...normalised }, idempotency);
    if (!normalised.request.celery) await within(options.desk.ended(taskId), options.syncLimitMs);
    const report = await known(taskId);
    return envelope(taskHttpStatus(report), taskEnvelope(report, base.href));
  }

  /** Asking after a task succeeds also when the task has failed; only an unknown one is an HTTP error. */
  async function reportOn(taskId: string, base: URL): Promise<Response> {
    return envelope(200, taskEnvelope(await known(taskId), base.href));
  }

  async function known(taskId: string): Promise<TaskReport> {
    const report = await options.desk.report(taskId);
    if (report === undefined) {
      throw new HttpRefusal(404, 'Task Not Found', 'There is no task with this id; it may have been deleted.');
    }
    return report;
  }

  async function readTaskId(request: Request): Promise<string> {
    const { json } = await readJson(request, options.maxBodyBytes);
    const body = (typeof json === 'object' ? json : null) as { id?: unknown; task_id?: unknown } | null;
    const id = body?.id ?? body?.task_id;
    if (typeof id !== 'string' || id === '') throw new AppError('invalid-request', 'id must be the id of a task.');
    return id;
  }

  async function picture(taskId: string, index: number): Promise<Response> {
    const blob = await options.desk.picture(taskId, index);
    if (blob === undefined) throw new HttpRefusal(404, 'Task Not Found', 'There is no such picture.');
    return new Response(blob, {
      headers: { ...COMMON_HEADERS, 'Content-Type': blob.type, 'Content-Length': String(blob.size) },
    });
  }
}

function preflight(request: Request, route: Route | undefined): Response {
  const methods = route === undefined ? ['GET', 'POST'] : METHODS[route.name];
  const headers = new Headers({
    'Access-Control-Allow-Methods': methods.join(', '),
    'Access-Control-Allow-Headers': 'authorization, content-type, idempotency-key',
    'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    Allow: [...methods, 'OPTIONS'].join(', '),
    Vary: 'Origin, Access-Control-Request-Private-Network',
  });
  // Chromium asks before a public page calls a private address (Private Network Access).
  if (request.headers.get('Access-Control-Request-Private-Network') === 'true') {
    headers.set('Access-Control-Allow-Private-Network', 'true');
  }
  return new Response(null, { status: 204, headers });
}

function refusal(error: ApiError): Response {
  return envelope(error.httpStatus, refusalEnvelope(error), error.headers);
}

function envelope(status: number, body: Envelope, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { ...COMMON_HEADERS, ...headers } });
}

/** Resolves when `done` does, or after the time limit. */
async function within(done: Promise<void>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([done, limit]).finally(() => clearTimeout(timer));
}
