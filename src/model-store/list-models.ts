import type { CatalogueEntry } from '../bundle/catalogue.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { ModelLicence, ModelListing, ModelState } from '../domain/models.ts';
import { ChunkPlan } from './chunk-plan.ts';
import { manifestOf, type ModelRecord } from './model-records.ts';
import type { StoreParts } from './store-parts.ts';

/**
 * Models offered and models here. A model is installed only when its record says so and every chunk is there.
 * Throws AppError `storage-unavailable`.
 */
export async function listModels(
  { records, chunks }: StoreParts,
  offered: readonly CatalogueEntry[],
): Promise<readonly ModelListing[]> {
  const kept = new Set(await chunks.keys());
  const installed = new Map((await records.all('installed')).map((record) => [record.id, record]));
  const partial = new Map((await records.all('partial')).map((record) => [record.id, record]));
  const ids = new Set([...offered.map(({ id }) => id), ...installed.keys(), ...partial.keys()]);
  return [...ids].flatMap((id) => {
    const entry = offered.find((offer) => offer.id === id) ?? null;
    const record = installed.get(id) ?? partial.get(id) ?? null;
    return describe(id, entry, record, installed.has(id), kept);
  });
}

function describe(
  id: string,
  entry: CatalogueEntry | null,
  record: ModelRecord | null,
  isInstalled: boolean,
  kept: ReadonlySet<string>,
): readonly ModelListing[] {
  const manifest = manifestOf(record);
  if (manifest === null && entry === null) return []; // another version of the app has kept it
  const plan = manifest === null ? null : new ChunkPlan(manifest);
  const isWhole = plan !== null && plan.missing(kept).length === 0;
  const state: ModelState = plan === null ? 'absent' : !isInstalled ? 'partial' : isWhole ? 'installed' : 'damaged';
  return [
    {
      id,
      title: entry?.title ?? manifest!.title,
      licence: manifest === null ? licenceOf(entry!) : strictest(manifest),
      downloadBytes: plan?.totalBytes ?? entry!.downloadBytes,
      diskBytes: plan?.totalBytes ?? entry!.diskBytes,
      memoryBytes: entry?.memoryBytes ?? null,
      state,
      keptBytes: plan?.keptBytes(kept) ?? 0,
      downloadable: entry !== null || (record?.bases.length ?? 0) > 0,
    },
  ];
}

function licenceOf({ licence }: CatalogueEntry): ModelLicence {
  return { ...licence, url: licence.url ?? null };
}

/** What forbids commercial use counts for the whole; otherwise all names. */
function strictest({ licences }: BundleManifest): ModelLicence {
  const forbidding = licences.filter(({ commercialUse }) => !commercialUse);
  const counted = forbidding.length > 0 ? forbidding : licences;
  return {
    name: [...new Set(counted.map(({ name }) => name))].join(', '),
    commercialUse: forbidding.length === 0,
    url: counted.find(({ url }) => url !== undefined)?.url ?? null,
  };
}
