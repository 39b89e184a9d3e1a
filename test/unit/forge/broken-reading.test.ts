/** A read that fails says why it failed; it is never taken for a damaged file, nor for one that says nothing. */
import { expect, test } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { readJson } from '../../../src/forge/json-file.ts';
import { openWeightFiles } from '../../../src/forge/open-weights.ts';
import { bytesAccess, type RandomAccess } from '../../../src/forge/random-access.ts';
import { readNotes } from '../../../src/forge/safetensors-notes.ts';

const noted = '{"__metadata__":{"lora_adapter_metadata":"{}"}}';
const safetensors = Buffer.concat([Uint8Array.of(noted.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(noted)]);

/** Answers from the beginning, and is gone after `reads` times. */
function failing(bytes: Uint8Array, reads: number): RandomAccess {
  const whole = bytesAccess('far.safetensors', bytes);
  let left = reads;
  const read: RandomAccess['read'] = (offset, length) =>
    left-- > 0 ? whole.read(offset, length) : Promise.reject(new AppError('download-failed', 'The connection broke.'));
  return { name: whole.name, size: whole.size, read };
}

test('a LoRA’s notes that cannot be read are not taken for none', async () => {
  expect(await readNotes(failing(safetensors, 2))).toEqual({ lora_adapter_metadata: '{}' });
  await expect(readNotes(failing(safetensors, 1))).rejects.toMatchObject({ code: 'download-failed' });
});

test('a config or index that cannot be read is not taken for a damaged one', async () => {
  const json = Buffer.from('{"weight_map":{}}');
  await expect(readJson(failing(json, 0))).rejects.toMatchObject({ code: 'download-failed' });
  const folder = { open: () => Promise.resolve(failing(json, 0)) };
  await expect(openWeightFiles(folder, 'model.safetensors.index.json')).rejects.toMatchObject({
    code: 'download-failed',
  });
});

test('weights given for a config are not read whole', async () => {
  const access = { name: 'config.json', size: 4e9, read: () => Promise.reject(new Error('read')) };
  await expect(readJson(access)).rejects.toMatchObject({ code: 'bundle-invalid', message: /4000000000 bytes/ });
});
