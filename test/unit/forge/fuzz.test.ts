/**
 * 10,000 bent files for each format, the same ones on every run: every one is read or refused with an AppError that names
 * the file, within 4 × its size + 1 MiB. No step count is needed against hanging: the readers go forwards only, every
 * turn of their loops uses up a byte of header, directory or pickle, or a unit of the pickle's budget.
 * test/long/fuzz.test.ts bends ten times as many.
 */
import { expect, it } from 'vitest';
import { openWeights } from '../../../src/forge/open-weights.ts';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import { allocatedBy, fuzzSeeds, runFuzz } from '../../fixtures/fuzz-run.ts';
import { storedZip, torchZip } from '../../fixtures/stored-zip.ts';
import { bentFile, MAX_FILE_BYTES } from '../../fixtures/weight-file-fuzz.ts';
import { fixtureBytes, fuzzedFormats, hostilePickles } from './reader-fixtures.ts';

const FILES = 10_000;
it.each(fuzzedFormats)('%s: nothing but clear errors, in proportion', { timeout: 240_000 }, async (_, names) => {
  const seeds = await fuzzSeeds(names.map(fixtureBytes));
  const figures = await runFuzz(seeds, FILES, 500);
  expect(figures.crashes).toEqual([]);
  expect(figures.buffersOfBound).toBeLessThanOrEqual(1);
  expect(figures.allocatedOfBound).toBeLessThanOrEqual(1);
  // Bent too much, they would all fail at the first byte; too little, nothing would be tried.
  expect(figures.opened / FILES).toBeGreaterThan(0.03);
  expect(figures.opened / FILES).toBeLessThan(0.5);
});

it('bends files the same way every time, and never beyond the size', async () => {
  const seeds = await fuzzSeeds([fixtureBytes('types.pt'), fixtureBytes('types.safetensors')]);
  for (let number = 0; number < 300; number++) {
    const file = bentFile(seeds, number);
    expect(file.length).toBeLessThanOrEqual(MAX_FILE_BYTES);
    expect(Buffer.compare(file, bentFile(seeds, number))).toBe(0);
  }
});

it('the measurement sees garbage, and what lies outside the heap', async () => {
  const garbage = await allocatedBy(() => {
    for (let i = 0; i < 30_000; i++)
      String.fromCharCode(65 + (i % 26), 66, 67)
        .padEnd(100)
        .toLowerCase();
  });
  expect(garbage).toBeGreaterThan(30_000 * 100);
  expect(await allocatedBy(() => new Uint8Array(5e6))).toBeGreaterThan(5e6);
});

/** What little can ask for much: at the size of the fuzzed files, so that the bound is tight. */
const repeated = (head: string, unit: string, tail: string): Uint8Array => {
  const [first, one, last] = [head, unit, tail].map((text) => Buffer.from(text, 'latin1')) as [Buffer, Buffer, Buffer];
  return Buffer.concat([first, Buffer.alloc(60_000, one), last]);
};
const header = (json: string): Uint8Array => {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(Buffer.byteLength(json)), true);
  return Buffer.concat([length, Buffer.from(json)]);
};
const pickles: [string, Uint8Array][] = [
  ['dictionaries', repeated('\x80\x02](', '}', 'e.')],
  ['lists in lists', repeated('\x80\x02', ']', '.')],
  ['lists appended one by one', repeated('\x80\x02]', ']a', '.')],
  ['dictionaries of one entry', repeated('\x80\x02](', '}K\x01Ns', 'e.')],
  ['tuples', repeated('\x80\x02]', ')\x85\x85\x85\x85a', '.')],
  ['short texts', repeated('\x80\x02]', '\x8c\x02\xc3\xa9a', '.')],
  ['floats', repeated('\x80\x02]', 'G\x40\x09\x21\xfb\x54\x44\x2d\x18a', '.')],
  ['one memo entry for each byte', repeated('\x80\x02N', '\x94', '.')],
  ['OrderedDicts', repeated('\x80\x02ccollections\nOrderedDict\nq\x000]', 'h\x00)Ra', '.')],
  ['OrderedDicts in a list', repeated('\x80\x02ccollections\nOrderedDict\nq\x00](', 'h\x00)R', 'e.')],
  ['long names', repeated('\x80\x02}', 'ctorch\nFloatStorage\n', '.')],
  ...hostilePickles
    .filter(({ pickle }) => pickle.length > 1_000)
    .map(({ name, pickle }): [string, Uint8Array] => [name, pickle]),
];
const cases: [string, Uint8Array][] = [
  ...pickles.map(([name, pickle]): [string, Uint8Array] => [`pickle: ${name}`, torchZip(pickle).bytes]),
  [
    'zip: entries',
    storedZip(Array.from({ length: 700 }, (_, i) => ({ name: `a/${i}`, content: new Uint8Array(2) }))).bytes,
  ],
  [
    'header: entries',
    header(
      `{${Array.from({ length: 1200 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join()}}`,
    ),
  ],
  ['header: sizes', header(`{"a":{"dtype":"U8","shape":[${'0,'.repeat(30_000)}0]}}`)],
  ['header: metadata', header(`{"__metadata__":{${'"a":"b",'.repeat(8_000)}"a":"b"}}`)],
  ['header: one name', header(`{"${'é'.repeat(30_000)}":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}`)],
  ['header: lists', header('['.repeat(60_000))],
  ['header: escapes', header(`{"${'\\u00e9'.repeat(10_000)}":1}`)],
];

it.each(cases)('%s: in proportion', async (_, bytes) => {
  const open = () => openWeights(bytesAccess('greedy.bin', bytes)).catch((error: unknown) => error);
  const outcome = await open();
  if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'weights-invalid' });
  expect(await allocatedBy(open)).toBeLessThanOrEqual(4 * bytes.length + 2 ** 20);
});
