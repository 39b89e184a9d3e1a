/** Fetches chunks over several connections, from wherever they can be had, until every one is there and right. */
import type { BundleFile } from '../bundle/integrity.ts';
import { AppError, toAppError } from '../domain/errors.ts';
import { cutIntoChunks } from './chunk-cutter.ts';
import { damaged, fetchChunk, type WantedChunk } from './fetch-chunk.ts';
import { cancelled, type Network } from './network.ts';
import { request } from './request.ts';
import { Sources, type Source } from './sources.ts';

/** Chunks fetched at the same time; each is held in memory whole. */
const CONNECTIONS = 4;
/** Attempts without any progress before a chunk is given up; 1 + 2 + 4 + 8 s are waited in between. */
const ATTEMPTS = 5;
/** Wrong bytes so often are no accident on the way. */
const DAMAGED_ATTEMPTS = 3;
const LONGEST_ASKED_WAIT_MS = 30_000;

export interface DownloadOptions {
  /** Absolute URLs of folders, each ending in a slash; the first is asked first. */
  readonly bases: readonly string[];
  readonly network: Network;
  readonly signal: AbortSignal;
  /** Keeps one verified chunk; its failure ends the download. */
  readonly keep: (key: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Told once when a server sends whole files only. */
  readonly onWholeFilesOnly?: () => void;
}

/**
 * Throws the first AppError after everything has stopped: `integrity`, `download-failed` (with the last reason),
 * `cancelled`, and what `keep` throws.
 */
export async function downloadChunks(wanted: readonly WantedChunk[], options: DownloadOptions): Promise<void> {
  const stop = new AbortController();
  const download = new Download(wanted, { ...options, signal: AbortSignal.any([options.signal, stop.signal]) });
  const errors: AppError[] = [];
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      download.work().catch((error: unknown) => {
        errors.push(toAppError(error));
        stop.abort();
      }),
    ),
  );
  if (options.signal.aborted) throw cancelled();
  if (errors.length > 0) throw errors[0]!;
}

class Download {
  readonly #options: DownloadOptions;
  readonly #sources: Sources;
  readonly #queue: WantedChunk[];
  /** Keys of the chunks that are not there yet. */
  readonly #missing: Set<string>;
  /** Files that stream whole at the moment. */
  readonly #streams = new Map<string, Promise<boolean>>();
  #toldWholeFiles = false;

  constructor(wanted: readonly WantedChunk[], options: DownloadOptions) {
    this.#queue = [...wanted];
    this.#missing = new Set(wanted.map(keyOf));
    this.#options = options;
    this.#sources = new Sources(options.bases);
  }

  async work(): Promise<void> {
    for (let wanted = this.#queue.shift(); wanted !== undefined; wanted = this.#queue.shift()) {
      await this.#get(wanted);
    }
  }

  async #get(wanted: WantedChunk): Promise<void> {
    let attempts = 0;
    let damages = 0;
    for (let turn = 0; this.#missing.has(keyOf(wanted)); turn++) {
      if (this.#options.signal.aborted) throw cancelled();
      const source = this.#sources.pick(turn);
      if (source === null) throw this.#sources.failure()!;
      try {
        await this.#attempt(wanted, source);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code !== 'download-failed' && error.code !== 'integrity') throw error;
        if (!error.retryable) {
          source.failure = error;
          continue;
        }
        attempts += 1;
        if (error.code === 'integrity') damages += 1;
        if (attempts >= ATTEMPTS || damages >= DAMAGED_ATTEMPTS) throw error;
        await this.#wait(attempts, error);
      }
    }
  }

  /** May end without the chunk: another attempt, at once, is then worth while. */
  async #attempt(wanted: WantedChunk, source: Source): Promise<void> {
    const { network, signal } = this.#options;
    const { file } = wanted;
    if (source.ranges === false && file.chunks.length > 1) {
      // One connection streams the file for all who want chunks of it.
      const stream = this.#streams.get(file.path) ?? this.#streamFile(file, source);
      this.#streams.set(file.path, stream);
      const progressed = await stream.finally(() => this.#streams.delete(file.path));
      if (progressed) return;
      throw damaged(file, new URL(file.path, source.base).href, '(it ends too soon)');
    }
    const answer = await fetchChunk(source.base, wanted, network, signal);
    if (answer.kind === 'chunk') {
      this.#sources.answered(source);
      if (file.chunks.length > 1) this.#sources.gaveRange(source);
      await this.#keep(keyOf(wanted), answer.bytes);
      return;
    }
    await answer.answer.response.body?.cancel().catch(() => undefined);
    this.#sources.ignoredRange(source);
    if (source.ranges !== true) return;
    throw new AppError('download-failed', `${source.base}${file.path} ignored the range that was asked for.`, {
      retryable: true,
      details: { reason: 'range' },
    });
  }

  /** Whether anything new came, also when it broke off afterwards. */
  async #streamFile(file: BundleFile, source: Source): Promise<boolean> {
    const { network, signal, onWholeFilesOnly } = this.#options;
    if (!this.#toldWholeFiles) onWholeFilesOnly?.();
    this.#toldWholeFiles = true;
    const url = new URL(file.path, source.base).href;
    const before = this.#missing.size;
    try {
      const { pieces } = await request(url, { network, signal, cache: 'no-store' });
      const wrong = await cutIntoChunks(file, pieces(), async (key, bytes) => {
        if (this.#missing.has(key)) await this.#keep(key, bytes);
      });
      if (wrong !== null) throw damaged(file, url, `(${wrong.what})`);
    } catch (error) {
      if (this.#missing.size === before || !isTransient(error)) throw error;
    }
    return this.#missing.size < before;
  }

  async #keep(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#options.keep(key, bytes);
    this.#missing.delete(key);
  }

  /** 1, 2, 4, 8 s give or take a quarter, so that many clients do not come back together; longer where the server says so. */
  async #wait(attempts: number, { details }: AppError): Promise<void> {
    const { network, signal } = this.#options;
    const backOff = 1000 * 2 ** (attempts - 1) * (0.75 + network.random() / 2);
    const asked = typeof details['retryAfterMs'] === 'number' ? details['retryAfterMs'] : 0;
    await network.sleep(Math.max(backOff, Math.min(asked, LONGEST_ASKED_WAIT_MS)), signal);
  }
}

function keyOf({ file, index }: WantedChunk): string {
  return file.chunks[index]!;
}

function isTransient(error: unknown): boolean {
  const { code, retryable } = toAppError(error);
  return (code === 'download-failed' || code === 'integrity') && retryable;
}
