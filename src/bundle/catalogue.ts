/** `catalog.json`: models that can be installed, and what has to be known before they are. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';

const bytes = v.pipe(v.number(), v.integer(), v.minValue(1));

const entry = v.object({
  /** The id in its bundle.json. */
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case letters, digits and dashes')),
  title: v.string(),
  /** Folder of its bundle.json, ending in a slash; relative to the catalogue, or an address pinned to one revision. */
  baseUrl: v.pipe(v.string(), v.endsWith('/')),
  /** Other folders with the same files. */
  mirrors: v.optional(v.array(v.pipe(v.string(), v.endsWith('/'))), []),
  /** The strictest of its parts' licences. */
  licence: v.object({ name: v.string(), commercialUse: v.boolean(), url: v.optional(v.string()) }),
  downloadBytes: bytes,
  diskBytes: bytes,
  /** What it takes while it draws: weights, intermediate results and the engine. */
  memoryBytes: bytes,
});

const schema = v.object({ format: v.literal(1), models: v.array(entry) });

export type CatalogueEntry = v.InferOutput<typeof entry>;

/** Base URLs come back absolute. Throws AppError `bundle-invalid` naming every bad field. */
export function parseCatalogue(json: unknown, url: string): readonly CatalogueEntry[] {
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const fields = result.issues.map((issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
    throw new AppError('bundle-invalid', `catalog.json: ${fields.join('; ')}`, { details: { file: url, fields } });
  }
  const absolute = (base: string): string => new URL(base, url).href;
  return result.output.models.map((model) => ({
    ...model,
    baseUrl: absolute(model.baseUrl),
    mirrors: model.mirrors.map(absolute),
  }));
}
