import { expect, test } from 'vitest';
import type { TensorEntry } from '../../../src/bundle/weight-index.ts';
import { summarise } from '../../../src/forge/quantisation-report.ts';
import { WeightWriter, type Storage } from '../../../src/forge/weight-writer.ts';
import { buildNetwork } from '../../../src/networks/build-network.ts';
import { hashWeight } from '../../fixtures/hash-weights.ts';
import { requiredTensors } from '../../fixtures/required-tensors.ts';
import { runGraph } from '../../fixtures/run-graph.ts';
import { hashInput } from '../../parity/fixtures.ts';
import { MemoryOutput } from './memory-output.ts';

const TENSORS: [string, number[], Storage][] = [
  ['conv.weight', [37, 5, 3, 3], 'int8'],
  ['linear.weight', [50, 70], 'nbits4'],
  ['other.weight', [50, 70], 'nbits8'],
  ['norm.weight', [300], 'float32'],
  ['table.weight', [40, 33], 'float32'],
];

function stored(output: MemoryOutput, entry: TensorEntry): Buffer[] {
  const ranges = 'scale' in entry ? [entry.data, entry.scale] : [entry.data];
  return ranges.map(({ offset, length }) => Buffer.from(output.file(entry.file).slice(offset, offset + length)));
}

test('read in pieces, tensors are stored as when they come whole, and no piece is larger than the limit', async () => {
  const [wholeOutput, pieceOutput] = [new MemoryOutput(), new MemoryOutput()];
  const whole = new WeightWriter('weights/unet.bin', wholeOutput);
  const pieces = new WeightWriter('weights/unet.bin', pieceOutput, { readValues: 200 });
  for (const [name, dims, storage] of TENSORS) {
    const values = hashWeight(name, dims);
    await whole.add(name, values, dims, storage);
    const width = values.length / dims[0]!;
    const asked: number[] = [];
    const read = (first: number, count: number) => {
      asked.push(...Array.from({ length: count }, (_, i) => first + i));
      expect(count === 1 || count * width <= 200).toBe(true);
      return Promise.resolve(values.slice(first * width, (first + count) * width));
    };
    await pieces.add(name, read, dims, storage);
    expect(asked).toEqual(Array.from({ length: dims[0]! }, (_, i) => i));
  }
  const [expected, actual] = [await whole.finish(), await pieces.finish()];
  expect(actual.index).toEqual(expected.index);
  expect(pieceOutput.file('weights/unet.bin')).toEqual(wholeOutput.file('weights/unet.bin'));
  expect(actual.quality).toEqual(expected.quality);
});

test('a file that is full is followed by the next, and a network reads from all of them', async () => {
  const spec = {
    class: 'AutoencoderTiny',
    config: {
      ...{ in_channels: 3, out_channels: 3, num_encoder_blocks: [1, 1], num_decoder_blocks: [1, 1] },
      ...{ encoder_block_out_channels: [8, 8], decoder_block_out_channels: [8, 8] },
    },
  };
  const dims = { latent: [1, 4, 6, 8] };
  const run = async (fileBytes: number) => {
    const output = new MemoryOutput();
    const writer = new WeightWriter('weights/latent_decoder.bin', output, { fileBytes });
    for (const { name, dims: shape } of requiredTensors('latentDecoder', spec, dims)) {
      await writer.add(name, hashWeight(name, shape), shape, shape.length === 4 ? 'int8' : 'float32');
    }
    const { files, index } = await writer.finish();
    const built = buildNetwork('latentDecoder', spec, index, dims, 'float32');
    const contents = Object.fromEntries(files.map(({ path }) => [path, output.file(path)]));
    expect(files.map(({ bytes }) => bytes)).toEqual(Object.values(contents).map(({ length }) => length));
    const { image } = await runGraph(built, contents, { latent: hashInput('latent', [1, 4, 6, 8]) });
    return { files, index, image: image!.data };
  };
  const one = await run(1 << 20);
  const several = await run(8192);
  expect(one.files.length).toBe(1);
  expect(several.files.map(({ path }) => path).slice(0, 3)).toEqual([
    'weights/latent_decoder.bin',
    'weights/latent_decoder-2.bin',
    'weights/latent_decoder-3.bin',
  ]);
  expect(several.files.every(({ bytes }) => bytes <= 8192)).toBe(true);
  expect(new Set(Object.values(several.index).map(({ file }) => file)).size).toBe(several.files.length);
  expect(several.image).toEqual(one.image);
});

test('a tensor that fits in no file is refused before anything of it is written', async () => {
  const output = new MemoryOutput();
  const writer = new WeightWriter('w.bin', output, { fileBytes: 4096 });
  const values = new Float32Array(2048);
  await expect(writer.add('big.weight', values, [2048], 'float32')).rejects.toMatchObject({
    code: 'weights-invalid',
    message: /big\.weight needs 8192 bytes; a file may have 4096/,
  });
});

test('the report tells bits and errors per tensor as the stored integers give them', async () => {
  const output = new MemoryOutput();
  const writer = new WeightWriter('w.bin', output);
  for (const [name, dims, storage] of TENSORS) await writer.add(name, hashWeight(name, dims), dims, storage);
  const { index, quality } = await writer.finish();
  expect(quality.tensors.map(({ name }) => name)).toEqual(TENSORS.map(([name]) => name));
  let [bytes, weights] = [0, 0];
  let [allError, allSquares] = [0, 0];
  for (const tensor of quality.tensors) {
    const entry = index[tensor.name]!;
    const [data, scale] = stored(output, entry);
    const values = hashWeight(tensor.name, entry.dims);
    bytes += data!.length + (scale?.length ?? 0);
    weights += values.length;
    expect(tensor.bitsPerWeight).toBeCloseTo((8 * (data!.length + (scale?.length ?? 0))) / values.length, 2);
    if (entry.kind === 'float') {
      expect(tensor).toMatchObject({ relativeError: 0, snr: null, worst: null });
      continue;
    }
    const scales = new Float32Array(Uint8Array.from(scale!).buffer);
    const width = values.length / entry.dims[0]!;
    const perRow = scales.length / entry.dims[0]!;
    const group = (i: number) => Math.floor(i / width) * perRow + (perRow === 1 ? 0 : Math.floor((i % width) / 32));
    const integer = (i: number): number => {
      if (entry.kind === 'int8') return data!.readInt8(i);
      const at = group(i) * 32 + ((i % width) % 32);
      return entry.bits === 8 ? data![at]! - 128 : ((data![at >> 1]! >> (4 * (at & 1))) & 15) - 8;
    };
    let [error, squares] = [0, 0];
    const groups = Array.from(scales, () => ({ error: 0, count: 0 }));
    values.forEach((value, i) => {
      const difference = (value - integer(i) * scales[group(i)]!) ** 2;
      error += difference;
      squares += value ** 2;
      groups[group(i)]!.error += difference;
      groups[group(i)]!.count += 1;
    });
    const means = groups.map(({ error: sum, count }) => sum / count);
    expect(tensor.relativeError / Math.sqrt(error / squares)).toBeCloseTo(1, 3);
    expect(tensor.snr).toBeCloseTo(10 * Math.log10(squares / error), 1);
    expect(tensor.worst!.group).toBe(means.indexOf(Math.max(...means)));
    const worst = Math.sqrt(Math.max(...means) / (squares / values.length));
    expect(tensor.worst!.relativeError / worst).toBeCloseTo(1, 3);
    allError += error;
    allSquares += squares;
  }
  expect(quality).toMatchObject({ weights, bytes });
  expect(quality.snr).toBeCloseTo(10 * Math.log10(allSquares / allError), 1);
  expect(summarise({ denoiser: quality })['denoiser']).toMatchObject({ bytes, worstTensor: 'linear.weight' });
});
