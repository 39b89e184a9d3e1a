import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseCatalogue } from '../../../src/bundle/catalogue.ts';
import { parseManifest } from '../../../src/bundle/open-bundle.ts';

const entry = {
  id: 'a-model',
  title: 'A model',
  baseUrl: 'a-model/',
  licence: { name: 'MIT', commercialUse: true },
  downloadBytes: 1,
  diskBytes: 1,
  memoryBytes: 1,
};
const parse = (...models: readonly object[]) =>
  parseCatalogue({ format: 1, models }, 'https://site.test/models/catalog.json');

describe('catalogue', () => {
  it('makes addresses absolute', () => {
    const [model] = parse({ ...entry, mirrors: ['https://other.test/a-model/'] });
    expect(model!.baseUrl).toBe('https://site.test/models/a-model/');
    expect(model!.mirrors).toEqual(['https://other.test/a-model/']);
  });

  it.each([
    [{ baseUrl: 'a-model' }, 'baseUrl'],
    [{ id: 'A model' }, 'id'],
    [{ licence: { name: 'MIT' } }, 'licence.commercialUse'],
    [{ memoryBytes: -1 }, 'memoryBytes'],
  ])('refuses %j and names the field', (change, field) => {
    expect(() => parse({ ...entry, ...change })).toThrow(field);
  });

  it('of the product says what its bundles say', async () => {
    const json: unknown = JSON.parse(await readFile('public/models/catalog.json', 'utf8'));
    const models = parseCatalogue(json, 'https://site.test/models/catalog.json');
    expect(models.map(({ id }) => id)).toContain('starter');
    for (const { id, title, downloadBytes, licence } of models) {
      const manifest = parseManifest(JSON.parse(await readFile(`public/models/${id}/bundle.json`, 'utf8')));
      expect(manifest).toMatchObject({ id, title });
      expect(downloadBytes).toBe(manifest.files.reduce((sum, { bytes }) => sum + bytes, 0));
      expect(licence.commercialUse).toBe(manifest.licences.every(({ commercialUse }) => commercialUse));
    }
  });
});
