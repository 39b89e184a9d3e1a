import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CHUNK_BYTES } from '../../../src/bundle/integrity.ts';
import { FileWriter } from '../../../src/forge/file-writer.ts';
import { MemoryOutput } from './memory-output.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('a file longer than two chunks, written in pieces that do not fit', async () => {
  const output = new MemoryOutput();
  const writer = new FileWriter('big.bin', output);
  const piece = Uint8Array.from({ length: 5_000_011 }, (_, i) => i * 7);
  for (let i = 0; i < 7; i++) await writer.append(piece);
  await writer.align(4096);
  const file = await writer.finish();
  const content = output.file('big.bin');
  expect(content.length).toBe(Math.ceil((7 * 5_000_011) / 4096) * 4096);
  expect(Buffer.compare(content.subarray(5_000_011 * 3, 5_000_011 * 4), piece)).toBe(0);
  expect(content.at(-1)).toBe(0);
  expect(file).toEqual({
    path: 'big.bin',
    bytes: content.length,
    sha256: sha256(content),
    chunkBytes: CHUNK_BYTES,
    chunks: [0, 1, 2].map((i) => sha256(content.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES))),
  });
});

test('an empty file', async () => {
  const output = new MemoryOutput();
  expect(await new FileWriter('empty', output).finish()).toMatchObject({
    bytes: 0,
    chunks: [],
    sha256: sha256(new Uint8Array()),
  });
  expect(output.paths()).toEqual(['empty']);
});
