/**
 * Reader of the safetensors format (https://github.com/huggingface/safetensors, format description in its README):
 * u64 length of a JSON header, the header, then the tensors' bytes. Only the header is read at once; tensors by range.
 */
import { elementCount } from '../domain/tensor.ts';
import { elementBytes } from './element-types.ts';
import { JsonReader } from './json-reader.ts';
import type { RandomAccess } from './random-access.ts';
import { shown, weightsInvalid, weightSource, type StoredTensor, type WeightSource } from './weight-source.ts';

export type { WeightSource } from './weight-source.ts';

/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;
/** PyTorch's limit. */
const MAX_DIMENSIONS = 64;
const METADATA = '__metadata__';
const MAX_PROBLEMS_TOLD = 12;

interface SafeTensor extends StoredTensor {
  readonly name: string;
  /** From the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** Throws AppError `weights-invalid` telling everything that is wrong with the header. */
export async function openSafetensors(source: RandomAccess): Promise<WeightSource> {
  const { text, dataStart } = await readHeader(source);
  let tensors: Map<string, SafeTensor>;
  try {
    tensors = parseHeader(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw weightsInvalid(source.name, `its safetensors header is wrong, ${cause.message}`, cause);
  }
  const problems = layoutProblems(tensors, source.size - dataStart);
  if (problems.length > 0) throw weightsInvalid(source.name, problems.join('; '));
  return weightSource(source.name, tensors, ({ type, begin }, first, count) =>
    // Readable types have whole bytes.
    source.read(dataStart + begin + elementBytes(type, first)!, elementBytes(type, count)!),
  );
}

async function readHeader(source: RandomAccess): Promise<{ text: string; dataStart: number }> {
  if (source.size < 8) throw weightsInvalid(source.name, 'it has no header');
  const prefix = await source.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > Math.min(MAX_HEADER_BYTES, source.size - 8)) {
    throw weightsInvalid(
      source.name,
      `its header of ${length} bytes does not fit; this is another kind of file, or cut off`,
    );
  }
  const bytes = await source.read(8, Number(length));
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), dataStart: 8 + bytes.length };
  } catch (cause) {
    throw weightsInvalid(source.name, 'its header is not text; this is another kind of file, or damaged', cause);
  }
}

function parseHeader(text: string): Map<string, SafeTensor> {
  const reader = new JsonReader(text);
  const tensors = new Map<string, SafeTensor>();
  let hasMetadata = false;
  reader.object((name) => {
    requireFirst(!tensors.has(name) && !(hasMetadata && name === METADATA), name);
    if (name !== METADATA) {
      tensors.set(name, parseTensor(reader, name));
      return;
    }
    hasMetadata = true;
    reader.object(() => void reader.string());
  });
  reader.end();
  return tensors;
}

function parseTensor(reader: JsonReader, name: string): SafeTensor {
  let type: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((field) => {
    if (field === 'dtype') {
      requireFirst(type === undefined, field);
      type = reader.string();
    } else if (field === 'shape') {
      requireFirst(shape === undefined, field);
      shape = reader.integers(MAX_DIMENSIONS);
    } else if (field === 'data_offsets') {
      requireFirst(offsets === undefined, field);
      offsets = reader.integers(2);
    } else {
      throw new SyntaxError(`${shown(name)} has the unknown field ${shown(field)}`);
    }
  });
  // By index: taking a list apart makes four objects, and a header may have thousands.
  const begin = offsets?.[0];
  const end = offsets?.[1];
  if (type === undefined || shape === undefined || begin === undefined || end === undefined) {
    throw new SyntaxError(`${shown(name)} lacks its dtype, shape or data_offsets (begin and end)`);
  }
  return { name, type, shape, begin, end };
}

function requireFirst(isFirst: boolean, key: string): void {
  if (!isFirst) throw new SyntaxError(`the key ${JSON.stringify(shown(key))} comes twice`);
}

/** Every tensor known, of the right length, and the data area covered exactly: no gap, no overlap, nothing beyond. */
function layoutProblems(tensors: ReadonlyMap<string, SafeTensor>, dataBytes: number): string[] {
  const problems: string[] = [];
  const byOffset = new Array<SafeTensor>(tensors.size);
  let count = 0;
  tensors.forEach((tensor) => (byOffset[count++] = tensor));
  byOffset.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, type, shape, begin, end } of byOffset) {
    if (problems.length >= MAX_PROBLEMS_TOLD) return problems;
    const needed = elementBytes(type, elementCount(shape));
    if (needed === undefined) problems.push(`${shown(name)} has the unknown type ${shown(type)}`);
    else if (end - begin !== needed) {
      problems.push(`${shown(name)} has ${end - begin} bytes, but ${type} [${shape.join(', ')}] needs ${needed}`);
    }
    if (begin !== covered)
      problems.push(`${shown(name)} begins at ${begin} instead of ${covered}: tensors overlap or leave a gap`);
    covered = Math.max(covered, end);
  }
  if (covered !== dataBytes) {
    problems.push(`the tensors need ${covered} bytes, the file has ${dataBytes}: it is cut off or damaged`);
  }
  return problems;
}
