/** `likeness serve`: the API over HTTP from this machine's CPU. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LocalEngine } from '../src/engine/local-engine.ts';
import { isLoopback } from './server/public-address.ts';
import { startApiServer, type ApiServer } from './server/api-server.ts';
import { FileDesk } from './server/file-desk.ts';
import { readModels } from './server/served-models.ts';
import { spawnThread } from './server/spawn-thread.ts';
import { starterBundle } from './starter-bundle.ts';
import { UsageError } from './usage-error.ts';

export const SERVE_USAGE = `likeness serve [--port 8787] [--host 127.0.0.1] [options]
  --bundle FOLDER        a compiled bundle; given again: more models, the first is the default (default: the starter)
  --token TOKEN          callers send it as "Authorization: Bearer TOKEN" (also: the variable LIKENESS_TOKEN)
  --host ADDRESS         where to listen; anything but loopback needs a token
  --allow-origin ORIGIN  a site whose pages may call, e.g. https://example.org; may be given again
  --public-url URL       how callers reach the server, e.g. behind a proxy
  --data FOLDER          queue and results (default: ~/.likeness/serve)
  --keep-days N, --keep-tasks N   how long and how many finished tasks are kept (default: 7 days, 1000)
  --threads N            CPU cores that may be used (default: all)
  Answers POST /getImagetoImage, /getImage, /cancelTask and GET /list_of_Apps, /results/…; see docs/openapi.json.`;

const OPTIONS = {
  port: { type: 'string', default: '8787' },
  host: { type: 'string', default: '127.0.0.1' },
  bundle: { type: 'string', multiple: true },
  token: { type: 'string' },
  'allow-origin': { type: 'string', multiple: true },
  'public-url': { type: 'string' },
  data: { type: 'string' },
  'keep-days': { type: 'string', default: '7' },
  'keep-tasks': { type: 'string', default: '1000' },
  threads: { type: 'string' },
} as const;

const DAY_MS = 24 * 60 * 60 * 1000;

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves until the process is asked to end (Ctrl-C, SIGTERM). Throws UsageError and the AppErrors of opening bundles. */
export async function runServe(args: string[]): Promise<void> {
  const server = await startServing(args, (line) => console.log(line));
  console.log(`Likeness answers at ${server.url} (Ctrl-C ends it; what waits is kept).`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  console.log('Ending; what waits is kept.');
  await server.close();
}

/** As runServe, ended by its caller. */
export async function startServing(args: string[], log: (line: string) => void): Promise<RunningServer> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const { host } = values;
  const token = readToken(values.token ?? process.env.LIKENESS_TOKEN);
  if (token === null && !isLoopback(host)) {
    throw new UsageError(`--host ${host} lets other machines in: set a --token, or listen on 127.0.0.1.`);
  }
  const port = whole('--port', values.port, 0, 65_535);
  const publicUrl = values['public-url'] === undefined ? null : folderUrl(values['public-url']);
  const allowedOrigins = (values['allow-origin'] ?? []).map(readOrigin);
  const limits = {
    keptMs: whole('--keep-days', values['keep-days'], 1, 3650) * DAY_MS,
    keptTasks: whole('--keep-tasks', values['keep-tasks'], 1, 1_000_000),
  };
  const cores = values.threads === undefined ? undefined : whole('--threads', values.threads, 1, 1024);
  const { models, folders, safetyChecked } = await readModels(values.bundle ?? [await starterBundle()]);

  const engine = new LocalEngine({
    spawn: () => spawnThread({ folders, cores }),
    setup: { modelsUrl: '', inferenceType: 'a100', backend: 'auto' },
    lockWatch: null,
  });
  const folder = values.data ?? join(homedir(), '.likeness', 'serve');
  const desk = await FileDesk.open({ engine, folder, models, safetyChecked, limits, log });
  const close = async (server: ApiServer | null): Promise<void> => {
    // The desk first: calls that wait for their task are answered with its id.
    await desk.close();
    await server?.close();
    await engine.close();
  };
  try {
    const server = await startApiServer({ desk, host, port, token, allowedOrigins, publicUrl, log });
    return { url: server.url, close: () => close(server) };
  } catch (error) {
    await close(null);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new UsageError(`Port ${port} is taken; choose another --port.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UsageError(`--host ${host} is not this machine's.`);
    throw error;
  }
}

function readToken(token: string | undefined): string | null {
  if (token === undefined) return null;
  if (!/^[\x21-\x7e]{8,}$/.test(token)) {
    throw new UsageError('--token needs at least 8 visible ASCII characters without spaces.');
  }
  return token;
}

function readOrigin(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  if (origin === 'null' || origin !== text.replace(/\/$/, '')) {
    throw new UsageError(`--allow-origin needs an origin such as https://example.org, not "${text}".`);
  }
  return origin;
}

function folderUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--public-url needs an http(s) address, not "${text}".`);
  }
  return new URL(`${url.pathname.replace(/\/*$/, '')}/`, url);
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} needs a whole number from ${min} to ${max}, not "${text}".`);
}
