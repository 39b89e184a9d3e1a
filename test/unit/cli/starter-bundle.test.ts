import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openNodeBundle } from '../../../cli/node-bundle-files.ts';
import { starterBundle } from '../../../cli/starter-bundle.ts';

test('the catalogue tells the size of the bundle that the build makes', async () => {
  const { manifest } = await openNodeBundle(await starterBundle());
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const catalogue = JSON.parse(await readFile('public/models/catalog.json', 'utf8')) as { models: unknown[] };
  expect(catalogue.models).toContainEqual(
    expect.objectContaining({ id: manifest.id, downloadBytes: bytes, diskBytes: bytes }),
  );
  // The bar of a starter that everyone downloads.
  expect(bytes).toBeLessThanOrEqual(24e6);
});
