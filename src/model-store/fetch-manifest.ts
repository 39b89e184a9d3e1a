import { parseManifest } from '../bundle/open-bundle.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import type { Network } from './network.ts';
import { readText } from './read-text.ts';
import { request } from './request.ts';

/** A bundle.json, as it came and as it was understood. */
export interface FoundManifest {
  readonly json: unknown;
  readonly manifest: BundleManifest;
}

/**
 * Asks one place after the other. Throws AppError `download-failed` (of the first place), `bundle-invalid`, `cancelled`.
 */
export async function fetchManifest(
  bases: readonly string[],
  network: Network,
  signal: AbortSignal,
): Promise<FoundManifest> {
  let first: AppError | null = null;
  for (const base of bases) {
    try {
      return await fetchFrom(base, network, signal);
    } catch (error) {
      if (!isAppError(error) || error.code === 'cancelled') throw error;
      first ??= error;
    }
  }
  throw first ?? new AppError('download-failed', 'Nobody knows where this model lies; import its files again.');
}

async function fetchFrom(base: string, network: Network, signal: AbortSignal): Promise<FoundManifest> {
  const url = new URL('bundle.json', base).href;
  const { pieces } = await request(url, { network, signal, cache: 'no-cache' });
  return readManifest(await readText(pieces()), url);
}

/** Throws AppError `bundle-invalid`; `where` names the file. */
export function readManifest(text: string, where: string): FoundManifest {
  let json: unknown;
  try {
    json = JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError('bundle-invalid', `${where} is not JSON; the file is damaged or is another file.`, { cause });
  }
  return { json, manifest: parseManifest(json) };
}
