/** Everything a person can do with models, apart from drawing; lives in a worker of its own. */
import { parseCatalogue, type CatalogueEntry } from '../bundle/catalogue.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import type { ModelListing, ModelSource, VerifyReport } from '../domain/models.ts';
import { exportZip } from './export-zip.ts';
import { fetchManifest } from './fetch-manifest.ts';
import { folderSource, importModel } from './import-files.ts';
import { installModel, workOn, type InstallTarget } from './install.ts';
import { listModels } from './list-models.ts';
import { manifestOf } from './model-records.ts';
import { requireBases } from './open-model.ts';
import { readText } from './read-text.ts';
import { readZip } from './read-zip.ts';
import { deleteUnnamedChunks } from './reclaim.ts';
import { request } from './request.ts';
import { installLock, useLock, type StoreParts } from './store-parts.ts';
import { findDamage } from './verify.ts';

export class ModelService {
  readonly #parts: StoreParts;
  readonly #catalogueUrl: string;
  #catalogue: Promise<readonly CatalogueEntry[]> | null = null;

  /** `catalogueUrl` is absolute. */
  constructor(parts: StoreParts, catalogueUrl: string) {
    this.#parts = parts;
    this.#catalogueUrl = catalogueUrl;
  }

  /** What the catalogue offers and what is here. Without the catalogue (offline) only the latter. */
  async list(): Promise<readonly ModelListing[]> {
    return listModels(this.#parts, await this.#offered().catch(() => []));
  }

  /** Downloads, or goes on downloading; returns the model's id. Throws what `installModel` and `fetchManifest` throw. */
  async install(source: ModelSource): Promise<string> {
    const { signal } = new AbortController();
    const target = await this.#find(source, signal);
    await installModel(this.#parts, target, { signal });
    return target.manifest.id;
  }

  /** Whoever works on the model stops, in whichever tab; resolves when it has. What is verified stays. */
  async pause(id: string): Promise<void> {
    this.#parts.channel.post({ type: 'stop', id });
    await this.#parts.locks.hold(installLock(id), () => Promise.resolve());
  }

  /** As `pause`, and forgets what has been downloaded so far; an installed version stays. */
  async cancel(id: string): Promise<void> {
    const { channel, locks, records } = this.#parts;
    channel.post({ type: 'stop', id });
    await locks.hold(installLock(id), async () => {
      await records.delete('partial', id);
      await deleteUnnamedChunks(this.#parts);
    });
    channel.post({ type: 'ended', id, holder: this.#parts.holder });
  }

  /** Throws AppError `model-in-use` while an engine has it open. */
  async remove(id: string): Promise<void> {
    const { channel, holder, locks, records } = this.#parts;
    channel.post({ type: 'stop', id });
    await locks.hold(installLock(id), async () => {
      const removed = await locks.tryHold(useLock(id), async () => {
        await records.delete('installed', id);
        await records.delete('partial', id);
        await deleteUnnamedChunks(this.#parts);
        return true;
      });
      if (removed === null) throw new AppError('model-in-use', `${id} is in use; use another model first.`);
    });
    channel.post({ type: 'ended', id, holder });
  }

  /** Looks through every chunk and fetches again, alone, those that are damaged or lost. Throws what `install` throws. */
  async verify(id: string): Promise<VerifyReport> {
    const { signal } = new AbortController();
    const target = await this.#installed(id);
    const { checkedChunks, damaged } = await workOn(this.#parts, id, signal, (stop) => this.#look(target, stop));
    if (damaged.length === 0) return { checkedChunks, repairedChunks: 0 };
    requireBases(target);
    await installModel(this.#parts, target, { signal });
    return { checkedChunks, repairedChunks: damaged.length };
  }

  /** A zip, or the files of a folder. Returns the model's id. */
  async importFiles(files: readonly File[]): Promise<string> {
    const { signal } = new AbortController();
    const [only] = files;
    const isZip = files.length === 1 && only !== undefined && only.name.toLowerCase().endsWith('.zip');
    return importModel(this.#parts, isZip ? await readZip(only) : folderSource(files), signal);
  }

  async exportZip(id: string): Promise<Blob> {
    return exportZip(await this.#installed(id), this.#parts.chunks);
  }

  #look(target: InstallTarget, signal: AbortSignal) {
    const { channel, chunks, holder } = this.#parts;
    const { id, files } = target.manifest;
    const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    let verifiedBytes = 0;
    return findDamage(target.manifest, chunks, null, signal, (bytes) => {
      verifiedBytes += bytes;
      const progress = { verifiedBytes, totalBytes, timeLeftMs: null, wholeFilesOnly: false };
      channel.post({ type: 'progress', id, holder, progress });
    });
  }

  async #installed(id: string): Promise<InstallTarget> {
    const record = await this.#parts.records.get('installed', id);
    const manifest = manifestOf(record);
    if (record !== null && manifest !== null) return { manifest, json: record.json, bases: record.bases };
    throw new AppError('bundle-missing-file', `${id} is not installed.`, { details: { file: 'bundle.json' } });
  }

  /** What the network has now; an unreachable network leaves what an earlier attempt has found. */
  async #find(source: ModelSource, signal: AbortSignal): Promise<InstallTarget> {
    const { network, records } = this.#parts;
    if ('url' in source) {
      const bases = [baseOf(source.url)];
      return { ...(await fetchManifest(bases, network, signal)), bases };
    }
    const known = (await records.get('partial', source.id)) ?? (await records.get('installed', source.id));
    const offered = await this.#offered().catch(() => []);
    const entry = offered.find(({ id }) => id === source.id);
    const bases = entry === undefined ? (known?.bases ?? []) : [entry.baseUrl, ...entry.mirrors];
    try {
      const found = await fetchManifest(bases, network, signal);
      if (found.manifest.id === source.id) return { ...found, bases };
      throw new AppError('bundle-invalid', `${bases[0]!} has the model ${found.manifest.id}, not ${source.id}.`);
    } catch (error) {
      const manifest = manifestOf(known);
      if (known === null || manifest === null || !isAppError(error, 'download-failed') || !error.retryable) throw error;
      return { manifest, json: known.json, bases };
    }
  }

  #offered(): Promise<readonly CatalogueEntry[]> {
    this.#catalogue ??= this.#fetchCatalogue();
    this.#catalogue.catch(() => (this.#catalogue = null));
    return this.#catalogue;
  }

  async #fetchCatalogue(): Promise<readonly CatalogueEntry[]> {
    const { network } = this.#parts;
    const { signal } = new AbortController();
    const { pieces } = await request(this.#catalogueUrl, { network, signal, cache: 'no-cache' });
    return parseCatalogue(JSON.parse(await readText(pieces())), this.#catalogueUrl);
  }
}

/** The folder of an address that a person gave: of the folder itself, or of its bundle.json. Throws AppError `bundle-invalid`. */
function baseOf(address: string): string {
  const text = address.trim();
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isUrl) {
    throw new AppError(
      'bundle-invalid',
      'That is no address of a model; it begins with https:// and leads to its folder.',
      {
        details: { badAddress: true },
      },
    );
  }
  if (text.endsWith('/bundle.json')) return new URL('.', text).href;
  return text.endsWith('/') ? text : `${text}/`;
}
