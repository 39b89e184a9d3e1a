/** Against PyTorch 2.13.0 (make_reader_fixtures.py): every tensor as torch.load reads it, bit for bit. */
import { describe, expect, it, test } from 'vitest';
import { openWeights } from '../../../src/forge/open-weights.ts';
import { openPytorchZip } from '../../../src/forge/pytorch-zip.ts';
import { bytesAccess, type RandomAccess } from '../../../src/forge/random-access.ts';
import { storedZip, torchZip } from '../../fixtures/stored-zip.ts';
import { bitsOf, fixtureBytes, fixtureFile, hostilePickles, referenceFiles } from './reader-fixtures.ts';

describe.each(referenceFiles)('%s', (file, tensors) => {
  it('holds the tensors of the reference', async () => {
    const source = await openWeights(fixtureFile(file));
    expect([...source.shapes.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { shape }] of Object.entries(tensors)) expect(source.shapes.get(name), name).toEqual(shape);
  });

  it('gives the bits of the reference, whole and by rows', async () => {
    const source = await openWeights(fixtureFile(file));
    for (const [name, { shape, bits }] of Object.entries(tensors)) {
      if (bits === undefined) {
        await expect(source.read(name), name).rejects.toMatchObject({ code: 'weights-invalid' });
        continue;
      }
      const whole = await source.read(name);
      expect(bitsOf(whole), name).toBe(bits);
      const rows = shape[0] ?? 1;
      for (let first = 0; first < rows; first++) {
        const width = whole.length / rows;
        const count = Math.min(2, rows - first);
        const part = await source.readRows(name, first, count);
        expect(bitsOf(part), `${name} from row ${first}`).toBe(
          bitsOf(whole.slice(first * width, (first + count) * width)),
        );
      }
    }
  });
});

test('reads nothing but the directory, the pickle and what is asked for', async () => {
  const inner = fixtureFile('views.pt');
  const reads: [number, number][] = [];
  const source: RandomAccess = {
    ...inner,
    read: (offset, length) => {
      reads.push([offset, length]);
      return inner.read(offset, length);
    },
  };
  const weights = await openPytorchZip({ ...source, size: inner.size });
  reads.length = 0;
  await weights.readRows('F32.base', 1, 2);
  await weights.readRows('F32.base', 0, 1);
  // The entry's local header once, then the rows alone.
  expect(reads.map(([, length]) => length)).toEqual([30 + 'archive/data/0'.length, 2 * 90 * 4, 90 * 4]);
});

test('a file of nothing but small tensors is no bomb', async () => {
  const count = 1000;
  const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const names = ['torch._utils\n_rebuild_tensor_v2', 'torch\nFloatStorage', 'collections\nOrderedDict'];
  const nameOf = (i: number) => `layers.${i}.attention.to_k.scale`;
  const tensor = (_: unknown, i: number) =>
    `${text(nameOf(i))}h\0((h\x03h\x01${text(String(i))}h\x04K\x01tQK\0))\x89h\x02)RtR`;
  const pickle = `\x80\x02}(${text('names')}](${names.map((name) => `c${name}\n\x94`).join('')}${text('storage')}\x94${text('cpu')}\x94e${Array.from({ length: count }, tensor).join('')}u.`;
  const { bytes } = storedZip([
    { name: 'a/data.pkl', content: Buffer.from(pickle, 'latin1') },
    ...Array.from({ length: count }, (_, i) => ({
      name: `a/data/${i}`,
      content: new Uint8Array(Float32Array.of(i).buffer),
    })),
  ]);
  const weights = await openPytorchZip(bytesAccess('small.pt', bytes));
  expect(weights.shapes.size).toBe(count);
  expect([...(await weights.read(nameOf(999)))]).toEqual([999]);
});

test('rows that do not exist are the caller’s mistake', async () => {
  const weights = await openPytorchZip(fixtureFile('views.pt'));
  for (const [first, count] of [
    [0, 5],
    [4, 1],
    [-1, 1],
    [0, -1],
    [0.5, 1],
  ] as const) {
    await expect(weights.readRows('F32.base', first, count)).rejects.toBeInstanceOf(RangeError);
  }
  expect(await weights.readRows('F32.base', 4, 0)).toHaveLength(0);
});

test('old and foreign files are told apart', async () => {
  const open = (bytes: Uint8Array | string) => openWeights(bytesAccess('model.bin', Buffer.from(bytes)));
  const cases: [Uint8Array | string, RegExp][] = [
    [fixtureBytes('legacy.bin'), /old format, from before 1\.6/],
    [Buffer.from([0x80, 2, 0x7d, 0x2e, 0, 0, 0, 0, 0]), /bare pickle/],
    ['GGUF\x03\0\0\0\0\0\0\0', /GGUF/],
    ['<!doctype html><html>', /web page/],
    ['version https://git-lfs.github.com/spec/v1\n', /pointer of Git LFS/],
    ['', /no header/],
    ['plain text, and long enough', /does not fit/],
    [storedZip([{ name: 'model.txt', content: Buffer.from('hello') }]).bytes, /data\.pkl is missing/],
    [storedZip([]).bytes, /data\.pkl is missing/],
  ];
  for (const [bytes, message] of cases) {
    await expect(open(bytes)).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringMatching(message) as string,
      details: { file: 'model.bin' },
    });
  }
});

describe('pickles that ask for more than tensors', () => {
  it.each(hostilePickles)('$name', async ({ pickle, message }) => {
    await expect(openPytorchZip(bytesAccess('evil.pt', torchZip(pickle).bytes))).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringContaining(message) as string,
    });
  });

  it('run nothing', async () => {
    const { existsSync } = await import('node:fs');
    expect(existsSync('executed.txt')).toBe(false);
  });
});

describe('archives', () => {
  const pickle = hostilePickles.find(({ name }) => name === 'no tensors')!.pickle;
  type Bend = (view: DataView, zip: ReturnType<typeof torchZip>) => void;
  const bent = (bend: Bend): RandomAccess => {
    const zip = torchZip(pickle);
    const bytes = new Uint8Array(zip.bytes);
    bend(new DataView(bytes.buffer), zip);
    return bytesAccess('bent.pt', bytes);
  };

  it.each<[string, Bend, RegExp]>([
    ['none: the pickle is reached', () => undefined, /no tensors by name/],
    ['compressed', (v, z) => v.setUint16(z.lines[0]! + 10, 8, true), /compressed \(method 8\)/],
    ['encrypted', (v, z) => v.setUint16(z.lines[0]! + 8, 1, true), /is encrypted/],
    ['two sizes', (v, z) => v.setUint32(z.lines[2]! + 24, 1e9, true), /two different sizes/],
    ['another disk', (v, z) => v.setUint16(z.lines[0]! + 34, 1, true), /one part of several/],
    ['another disk at the end', (v, z) => v.setUint16(z.end + 4, 1, true), /one part of several/],
    ['fewer entries than told', (v, z) => v.setUint32(z.end + 8, 0x90009, true), /does not lie where/],
    ['more entries than told', (v, z) => v.setUint32(z.end + 8, 0x30003, true), /more than its entries/],
    ['a directory elsewhere', (v, z) => v.setUint32(z.end + 16, 10, true), /does not lie where/],
    ['a directory of another kind', (v, z) => v.setUint32(z.lines[1]!, 1, true), /directory is damaged/],
    ['overlapping entries', (v, z) => v.setUint32(z.lines[1]! + 42, z.headers[0]! + 1, true), /overlaps/],
    ['one header for two names', (v, z) => v.setUint32(z.lines[1]! + 42, z.headers[0]!, true), /overlaps/],
    ['an entry beyond the file', (v, z) => v.setUint32(z.lines[3]! + 42, 0x7fffffff, true), /overlaps/],
    ['a local header of another kind', (v, z) => v.setUint32(z.headers[0]!, 1, true), /contradicts the directory/],
    ['a local header of another name', (v, z) => v.setUint8(z.headers[0]! + 30, 65), /contradicts the directory/],
    ['a local header that is compressed', (v, z) => v.setUint16(z.headers[0]! + 8, 8, true), /contradicts/],
    ['a local header that is too long', (v, z) => v.setUint16(z.headers[0]! + 28, 9, true), /overlaps what follows/],
    ['a zip64 size that is missing', (v, z) => v.setUint32(z.lines[0]! + 24, 0xffffffff, true), /lacks a size/],
    ['a name that is no UTF-8', (v, z) => v.setUint8(z.lines[0]! + 46, 0xff), /not UTF-8/],
    ['no end record', (v, z) => v.setUint32(z.end, 0, true), /cut off/],
    ['a comment longer than the file', (v, z) => v.setUint16(z.end + 20, 5, true), /cut off/],
    ['an unknown byte order', (v, z) => v.setUint8(z.contents[1]!, 65), /byte order is unknown/],
  ])('%s', async (_, bend, message) => {
    await expect(openPytorchZip(bent(bend))).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  it('with one name twice, and TorchScript programs, are refused', async () => {
    const part = (name: string) => ({ name, content: pickle });
    const open = (...names: string[]) => openPytorchZip(bytesAccess('two.pt', storedZip(names.map(part)).bytes));
    await expect(open('a/data.pkl', 'a/data.pkl')).rejects.toMatchObject({ message: /comes twice/ });
    await expect(open('a/data.pkl', 'b/data.pkl')).rejects.toMatchObject({ message: /data\.pkl is missing/ });
    await expect(open('a/data.pkl', 'a/constants.pkl')).rejects.toMatchObject({ message: /TorchScript/ });
  });
});
