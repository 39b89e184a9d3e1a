import { describe, expect, test } from 'vitest';
import { bytesAccess } from '../../../src/forge/random-access.ts';
import { openSafetensors } from '../../../src/forge/safetensors.ts';
import { safetensorsBytes } from '../../fixtures/tiny-checkpoint.ts';

type Header = Record<string, unknown>;

function file(header: Header | string, data: Uint8Array, headerLength?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(headerLength ?? text.length), true);
  return Buffer.concat([length, text, data]);
}

const open = (bytes: Uint8Array) => openSafetensors(bytesAccess('model.safetensors', bytes));
const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test('reads f32, f16 and bf16 by name, whatever lies before them', async () => {
  const data = Buffer.concat([
    Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x3555).buffer),
    Buffer.from(Float32Array.of(1.5, -2.25).buffer),
    Buffer.from(Uint16Array.of(0x3f80).buffer),
    Buffer.from(BigInt64Array.of(7n).buffer),
  ]);
  const source = await open(
    file(
      {
        __metadata__: { format: 'pt' },
        whole: entry('F32', [1, 2], 6, 14),
        half: entry('F16', [3], 0, 6),
        brain: entry('BF16', [], 14, 16),
        ids: entry('I64', [1], 16, 24),
        none: entry('F32', [0, 4], 24, 24),
      },
      data,
    ),
  );
  expect([...source.shapes.keys()].sort()).toEqual(['brain', 'half', 'ids', 'none', 'whole']);
  expect(source.shapes.get('whole')).toEqual([1, 2]);
  expect([...(await source.read('whole'))]).toEqual([1.5, -2.25]);
  expect([...(await source.read('half'))]).toEqual([1, -2, 0.333251953125]);
  expect([...(await source.read('brain'))]).toEqual([1]);
  expect([...(await source.read('none'))]).toEqual([]);
  await expect(source.read('ids')).rejects.toMatchObject({ code: 'weights-invalid', message: /ids is I64/ });
  await expect(source.read('other')).rejects.toMatchObject({ code: 'weights-invalid', message: /no tensor other/ });
});

test('reads only the header and the asked tensor', async () => {
  const values = new Float32Array(1000).fill(1);
  const bytes = safetensorsBytes({
    a: { dtype: 'F32', dims: [1000], values },
    b: { dtype: 'F32', dims: [10], values: values.slice(0, 10) },
  });
  let read = 0;
  const inner = bytesAccess('model.safetensors', bytes);
  const source = await openSafetensors({
    ...inner,
    read: (offset, length) => {
      read += length;
      return inner.read(offset, length);
    },
  });
  await source.read('b');
  expect(read).toBeLessThan(400);
});

describe('damaged files', () => {
  const eight = new Uint8Array(8);
  test.each<[string, Uint8Array, RegExp]>([
    ['shorter than a header', new Uint8Array(5), /no header/],
    ['a header longer than the file', file({}, eight, 1_000_000), /header of 1000000 bytes does not fit/],
    ['another kind of file', Buffer.from('PK\x03\x04 an archive of some length'), /another kind of file/],
    ['a header that is no JSON', file('{"a":', eight), /"\{" is missing/],
    ['a header that is null', file('null', eight), /"\{" is missing: there is "null"/],
    [
      'an entry without offsets',
      file({ a: { dtype: 'F32', shape: [2] } }, eight),
      /a lacks its dtype, shape or data_offsets/,
    ],
    [
      'a negative dimension',
      file({ a: entry('F32', [-2], 0, 8) }, eight),
      /whole number from 0 is missing: there is "-2\]/,
    ],
    ['an unknown type', file({ a: entry('F3', [2], 0, 8) }, eight), /unknown type F3/],
    ['a wrong length', file({ a: entry('F32', [3], 0, 8) }, eight), /has 8 bytes, but F32 \[3\] needs 12/],
    [
      'overlapping tensors',
      file({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, eight),
      /b begins at 4 instead of 8/,
    ],
    ['a gap', file({ a: entry('F32', [1], 4, 8) }, eight), /a begins at 4 instead of 0/],
    ['a cut-off file', file({ a: entry('F32', [4], 0, 16) }, eight), /needs? 16 bytes, the file has 8/],
    ['a header of 2^53 bytes and more', file({}, eight, 2 ** 53), /header of 9007199254740992 bytes/],
    ['a header of 2^64 − 1 bytes', Buffer.alloc(64, 0xff), /header of 18446744073709551615 bytes/],
    ['a header that claims the rest and more', file('{}', eight, 11), /header of 11 bytes/],
    ['a header that is no text', file('{"\u00ff":1}', eight, 3), /header is not text/],
    ['a header that is a list', file('[]', eight), /"\{" is missing/],
    ['words behind the header', file('{} x', eight), /the end is missing/],
    [
      'a name that comes twice',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":1}', eight),
      /"a" comes twice/,
    ],
    [
      'one name in two spellings',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":1}', eight),
      /"a" comes twice/,
    ],
    [
      '__proto__ twice',
      file('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"__proto__":1}', eight),
      /"__proto__" comes twice/,
    ],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}', eight), /"__metadata__" comes twice/],
    ['metadata that are no texts', file('{"__metadata__":{"a":1}}', eight), /character 20 """ is missing/],
    ['a field that comes twice', file('{"a":{"dtype":"U8","dtype":"F32"}}', eight), /"dtype" comes twice/],
    ['an unknown field', file('{"a":{"dtype":"U8","stride":[1]}}', eight), /a has the unknown field stride/],
    [
      'a fractional offset',
      file('{"a":{"data_offsets":[0.5,8]}}', eight),
      /whole number from 0 is missing: there is "0\.5/,
    ],
    ['an offset as a power', file('{"a":{"data_offsets":[0,8e0]}}', eight), /whole number/],
    ['an offset over 2^53', file('{"a":{"data_offsets":[0,9007199254740993]}}', eight), /whole number/],
    ['an offset with 5,000 digits', file(`{"a":{"data_offsets":[0,${'9'.repeat(5000)}]}}`, eight), /whole number/],
    ['an offset with leading zeros', file('{"a":{"data_offsets":[0,08]}}', eight), /whole number/],
    ['an offset that is minus zero', file('{"a":{"data_offsets":[-0,8]}}', eight), /whole number/],
    ['three offsets', file('{"a":{"data_offsets":[0,4,8]}}', eight), /more than 2 entries/],
    ['one offset', file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}', eight), /a lacks its dtype/],
    ['65 dimensions', file({ a: entry('F32', Array<number>(65).fill(1), 0, 4) }, eight), /more than 64 entries/],
    ['lists without end', file(`{"a":${'['.repeat(50_000)}`, eight), /"\{" is missing/],
    ['objects without end', file('{"a":'.repeat(10_000), eight), /a has the unknown field a/],
    ['a string without end', file('{"a', eight), /the end of a string is missing/],
    ['a bad escape', file('{"\\x":1}', eight), /bad escapes/],
    [
      'a shape whose product overflows',
      file({ a: entry('F32', Array<number>(30).fill(2 ** 50), 0, 8) }, eight),
      /needs Infinity/,
    ],
    [
      'a shape of infinity times zero',
      file({ a: entry('F32', [...Array<number>(30).fill(2 ** 50), 0], 0, 8) }, eight),
      /a has 8 bytes/,
    ],
    ['an end before its begin', file({ a: entry('F32', [2], 8, 0) }, eight), /a has -8 bytes/],
    ['a type by inheritance', file({ a: entry('constructor', [2], 0, 8) }, eight), /unknown type constructor/],
    ['bytes at the end', file({ a: entry('F32', [1], 0, 4) }, eight), /need 4 bytes, the file has 8/],
  ])('%s', async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toMatchObject({ code: 'weights-invalid', message });
  });

  test('a name that JavaScript objects have, and messages of bearable length', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const entries = names.map(
      (name, i) => `"${name}":{"dtype":"F32","shape":[],"data_offsets":[${i * 4},${i * 4 + 4}]}`,
    );
    const source = await open(file(`{${entries.join()}}`, Buffer.from(Float32Array.of(1, 2, 3).buffer)));
    expect([...source.shapes.keys()]).toEqual(names);
    expect([...(await source.read('toString'))]).toEqual([3]);
    await expect(source.read('valueOf')).rejects.toMatchObject({ message: /no tensor valueOf/ });
    const long = await open(file({ ['n'.repeat(50_000)]: entry('F32', [1], 0, 8) }, eight)).catch(
      (error: unknown) => error,
    );
    expect((long as Error).message.length).toBeLessThan(500);
  });

  test('a single whole number is read, as a LoRA’s alpha is kept by kohya’s scripts', async () => {
    const source = await open(file({ alpha: entry('I64', [], 0, 8) }, new Uint8Array(BigInt64Array.of(-16n).buffer)));
    expect([...(await source.read('alpha'))]).toEqual([-16]);
    expect([...(await source.readRows('alpha', 0, 1))]).toEqual([-16]);
  });

  test('NaN in a tensor is told by its name', async () => {
    const source = await open(file({ a: entry('F32', [2], 0, 8) }, Buffer.from(Float32Array.of(1, NaN).buffer)));
    await expect(source.read('a')).rejects.toMatchObject({ code: 'weights-invalid', message: /a holds NaN/ });
  });
});
