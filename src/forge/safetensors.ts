/**
 * Reader of the safetensors format (https://github.com/huggingface/safetensors, format description in its README):
 * u64 length of a JSON header, the header, then the tensors' bytes. Only the header is read at once; tensors by range.
 */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { elementCount } from '../domain/tensor.ts';
import { decodeBrainFloat, decodeHalf } from './half.ts';
import type { RandomAccess } from './random-access.ts';

const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E5M2: 1, F8_E4M3: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;

const integer = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const headerSchema = v.record(
  v.string(),
  v.object({ dtype: v.string(), shape: v.array(integer), data_offsets: v.tuple([integer, integer]) }),
);

/** Named weights as f32, wherever they come from. */
export interface WeightSource {
  readonly name: string;
  /** Shapes by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Row-major values. Throws AppError `weights-invalid` for a type that is no float, or NaN and infinite values. */
  read(tensor: string): Promise<Float32Array>;
}

/** Throws AppError `weights-invalid` telling everything that is wrong with the header. */
export async function openSafetensors(source: RandomAccess): Promise<WeightSource> {
  const { header, dataStart } = await readHeader(source);
  const tensors = Object.entries(header);
  const problems = layoutProblems(tensors, source.size - dataStart);
  if (problems.length > 0) throw invalid(source.name, problems.slice(0, 12).join('; '));

  return {
    name: source.name,
    shapes: new Map(tensors.map(([name, { shape }]) => [name, shape])),
    read: async (name) => {
      const info = header[name];
      if (info === undefined) throw invalid(source.name, `there is no tensor ${name}`);
      const [begin, end] = info.data_offsets;
      const bytes = await source.read(dataStart + begin, end - begin);
      const values = decode(bytes, info.dtype);
      if (values === null)
        throw invalid(source.name, `${name} is ${info.dtype}; only F32, F16 and BF16 weights are read`);
      if (!values.every(Number.isFinite)) throw invalid(source.name, `${name} holds NaN or infinite values`);
      return values;
    },
  };
}

async function readHeader(
  source: RandomAccess,
): Promise<{ header: v.InferOutput<typeof headerSchema>; dataStart: number }> {
  if (source.size < 8) throw invalid(source.name, 'it has no header');
  const prefix = await source.read(0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (length > Math.min(MAX_HEADER_BYTES, source.size - 8)) {
    throw invalid(source.name, `its header of ${length} bytes does not fit; this is another kind of file, or cut off`);
  }
  const text = new TextDecoder().decode(await source.read(8, length));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(source.name, 'its header is not JSON', cause);
  }
  if (typeof json !== 'object' || json === null) throw invalid(source.name, 'its header is not a JSON object');
  const entries = Object.fromEntries(Object.entries(json).filter(([key]) => key !== '__metadata__'));
  const parsed = v.safeParse(headerSchema, entries);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw invalid(source.name, `header entry ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
  }
  return { header: parsed.output, dataStart: 8 + length };
}

type HeaderEntry = readonly [string, v.InferOutput<typeof headerSchema>[string]];

/** Every tensor known, of the right length, and the data area covered exactly: no gap, no overlap, nothing beyond. */
function layoutProblems(tensors: readonly HeaderEntry[], dataBytes: number): string[] {
  const problems: string[] = [];
  const byOffset = [...tensors].sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  let covered = 0;
  for (const [name, { dtype, shape, data_offsets }] of byOffset) {
    const [begin, end] = data_offsets;
    const size = BYTES_PER_ELEMENT[dtype];
    if (size === undefined) problems.push(`${name} has the unknown type ${dtype}`);
    else if (end - begin !== size * elementCount(shape)) {
      problems.push(
        `${name} has ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] needs ${size * elementCount(shape)}`,
      );
    }
    if (begin !== covered)
      problems.push(`${name} begins at ${begin} instead of ${covered}: tensors overlap or leave a gap`);
    covered = Math.max(covered, end);
  }
  if (covered !== dataBytes)
    problems.push(`the tensors need ${covered} bytes, the file has ${dataBytes}: it is cut off or damaged`);
  return problems;
}

function decode(bytes: Uint8Array, dtype: string): Float32Array | null {
  // A copy where the offset is odd for the type: typed arrays need alignment.
  const { buffer, byteOffset } = byteAligned(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, bytes.length / 4);
    case 'F16':
      return decodeHalf(new Uint16Array(buffer, byteOffset, bytes.length / 2));
    case 'BF16':
      return decodeBrainFloat(new Uint16Array(buffer, byteOffset, bytes.length / 2));
    default:
      return null;
  }
}

function byteAligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
}

function invalid(file: string, what: string, cause?: unknown): AppError {
  return new AppError('weights-invalid', `${file} is not a usable safetensors file: ${what}.`, {
    details: { file },
    ...(cause !== undefined && { cause }),
  });
}
