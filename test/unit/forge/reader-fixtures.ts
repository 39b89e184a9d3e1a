/** Weight files as the reference libraries wrote them (make_reader_fixtures.py), and what they read back. */
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { bytesAccess, type RandomAccess } from '../../../src/forge/random-access.ts';
import hostile from '../../fixtures/forge/hostile_pickles.json' with { type: 'json' };
import expected from '../../fixtures/forge/readers.json' with { type: 'json' };

export interface ExpectedTensor {
  readonly shape: readonly number[];
  /** f32 bits in base64; absent for types that are not read. */
  readonly bits?: string;
}

export const referenceFiles = Object.entries(expected.files) as [string, Readonly<Record<string, ExpectedTensor>>][];

const isSafetensors = ([name]: readonly [string, unknown]): boolean => name.endsWith('.safetensors');

/** Files to bend, by format. */
export const fuzzedFormats: readonly (readonly [format: string, files: readonly string[]])[] = [
  ['safetensors', referenceFiles.filter(isSafetensors).map(([name]) => name)],
  ['PyTorch zip', referenceFiles.filter((file) => !isSafetensors(file)).map(([name]) => name)],
];

export const hostilePickles = Object.entries(hostile).map(([name, { pickle, message }]) => ({
  name,
  message,
  pickle: new Uint8Array(inflateSync(Buffer.from(pickle, 'base64'))),
}));

export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`test/fixtures/forge/${name}`));
}

export function fixtureFile(name: string): RandomAccess {
  return bytesAccess(name, fixtureBytes(name));
}

export function bitsOf(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}
