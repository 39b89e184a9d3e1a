/**
 * Installs that are killed at random moments, one after the other, against a server that misbehaves as well: what is
 * left is never taken for an installed model, and going on ends bit-exact or in a clear error.
 */
import { isDeepStrictEqual } from 'node:util';
import { sha256, testBytes } from '../fixtures/served-files.ts';
import type { StoreBench } from './store-bench.ts';

export const KILLS = ['tab closed', 'worker ended', 'network cut', 'disk full', 'browser killed'] as const;
export type Kill = (typeof KILLS)[number];

/** Ways a download may end that a person can read and act on. */
const CLEAR_ERRORS = ['download-failed', 'integrity', 'quota-exceeded'];
const ATTEMPTS = 5;
const CHUNK_BYTES = 16 * 1024;
/** Of the downloader; each may lose what it had not stored yet. */
const CONNECTIONS = 4;

export interface KillReport {
  readonly kill: Kill;
  readonly afterMs: number;
  /** Chunks that were kept when it was killed, and that there are. */
  readonly keptChunks: number;
  readonly chunks: number;
  /** Good answers for chunks that had been answered well before, for each end (the kill, or a clear error) and connection. */
  readonly fetchedAgain: number;
  /** Files that were fetched whole, because the server seemed to know no ranges; they count for all their chunks. */
  readonly wholeFiles: number;
  readonly clearErrors: readonly string[];
  readonly outcome: 'bit-exact' | 'clear error';
}

/** Throws when a kill ends in anything that must not be. `kinds` are taken in turn. */
export async function runKills(
  bench: StoreBench,
  count: number,
  seed: number,
  kinds: readonly Kill[],
): Promise<readonly KillReport[]> {
  const reports: KillReport[] = [];
  for (let i = 0; i < count; i++) reports.push(await oneKill(bench, kinds[i % kinds.length]!, seed + i));
  return reports;
}

async function oneKill(bench: StoreBench, kill: Kill, seed: number): Promise<KillReport> {
  const { server } = bench;
  const id = `kill-${seed}`;
  const files = {
    'weights/denoiser.bin': testBytes(15 * CHUNK_BYTES + 777, seed),
    'weights/text_encoder.bin': testBytes(7 * CHUNK_BYTES, seed + 1e6),
    'tokenizer.json': Buffer.from('{"model":{}}'),
    'weights.json': Buffer.from('{}'),
  };
  const chunks = 16 + 7 + 2; // the last two are one file each
  server.requests.length = 0;
  server.serve(files, { id, chunkBytes: CHUNK_BYTES });
  server.misbehave({ seed, rate: 0.12 });
  server.pace = { pieces: 3, pauseMs: 2 };
  const url = `${server.baseUrl}bundle.json`;
  const afterMs = Math.floor(10 + 140 * fraction(seed));

  await bench.find(id); // the page and its worker are there: what is killed is the download
  if (kill === 'disk full') {
    const afterWrites = 1 + Math.floor(20 * fraction(seed + 1));
    await bench.call({ do: 'fill-disk', afterWrites, failures: 40 });
  }
  const clearErrors: string[] = [];
  const first = bench.call({ do: 'install', url }).then(
    () => undefined,
    (error: unknown) => {
      if (kill === 'network cut' || kill === 'disk full') clearErrors.push(clearCode(error, kill));
    },
  );
  if (kill === 'disk full') await first;
  else await new Promise((resolve) => setTimeout(resolve, afterMs));
  switch (kill) {
    case 'tab closed':
      await bench.closeTab();
      break;
    case 'browser killed':
      await bench.killBrowser();
      break;
    case 'network cut':
      server.cut();
      await new Promise((resolve) => setTimeout(resolve, 400 * fraction(seed + 2)));
      server.restore();
      await first;
      await bench.endWorker();
      break;
    case 'worker ended':
    case 'disk full':
      await bench.endWorker();
  }

  const left = await bench.find(id);
  // Installed already, when the kill came late: then it has to be whole, which the digests below tell.
  const isInstalled = left?.state === 'installed';
  if (left !== undefined && !isInstalled && left.state !== 'partial') throw new Error(`${kill}: left ${left.state}`);
  const keptChunks = await bench.call<number>({ do: 'chunk-count' });
  if (isInstalled && keptChunks !== chunks)
    throw new Error(`${kill}: installed with ${keptChunks} of ${chunks} chunks`);

  let installed = false;
  for (let attempt = 0; attempt < ATTEMPTS && !installed; attempt++) {
    try {
      await bench.call({ do: 'install', url });
      installed = true;
    } catch (error) {
      clearErrors.push(clearCode(error, kill));
      const after = await bench.find(id);
      if (after?.state === 'installed') throw new Error(`${kill}: installed in spite of an error`, { cause: error });
    }
  }
  if (installed) {
    server.misbehave({ seed, rate: 0 });
    const expected = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)]));
    const actual = await bench.call({ do: 'digests', id, baseUrl: server.baseUrl });
    if (!isDeepStrictEqual(actual, expected)) throw new Error(`${kill}: ${JSON.stringify(actual)}`);
  }
  const fetchedAgain = countFetchedAgain(server.requests);
  await bench.call({ do: 'remove', id });
  const rest = await bench.call<number>({ do: 'chunk-count' });
  if (rest !== 0) throw new Error(`${kill}: ${rest} chunks stay after removing`);
  return {
    kill,
    afterMs,
    keptChunks,
    chunks,
    fetchedAgain: fetchedAgain / (1 + clearErrors.length) / CONNECTIONS,
    wholeFiles: server.requests.filter(({ range, path }) => range === null && path !== 'bundle.json').length,
    clearErrors,
    outcome: installed ? 'bit-exact' : 'clear error',
  };
}

/** Only what the server did right counts: the rest has to be asked for again. */
function countFetchedAgain(requests: StoreBench['server']['requests']): number {
  const good = requests.filter(({ range, misdeed }) => range !== null && misdeed === null);
  const whole = requests.filter(({ range, path }) => range === null && path !== 'bundle.json');
  return good.length - new Set(good.map(({ path, range }) => `${path} ${String(range)}`)).size + whole.length * 16;
}

function clearCode(error: unknown, kill: Kill): string {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  if (code === undefined || !CLEAR_ERRORS.includes(code)) throw new Error(`${kill}: unclear error ${code}: ${message}`);
  return code;
}

/** 0 up to 1 from a whole number, the same every time. */
function fraction(seed: number): number {
  const mixed = Math.imul(Math.imul(seed ^ (seed >>> 7), 0x9e3779b1) ^ 0x5bd1e995, 0x85ebca6b) >>> 0;
  return mixed / 2 ** 32;
}
