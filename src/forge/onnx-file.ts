/**
 * What an ONNX file says about itself: inputs, outputs, operators and where its initialisers lie. Weights are not read
 * and nothing is executed. Field numbers are those of onnx.proto3 (onnx 1.23).
 */
import { AppError } from '../domain/errors.ts';
import { ProtobufCursor, readFields, type ProtobufField } from './protobuf.ts';
import type { RandomAccess } from './random-access.ts';

/** TensorProto.DataType of the types that matter here. */
export const ONNX_FLOAT = 1;

export interface OnnxValueInfo {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly type: number;
  /** null where the file leaves the size open. */
  readonly dims: readonly (number | null)[];
}

export interface OnnxNodeInfo {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
}

export interface OnnxInitializerInfo {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  /** Bytes of its raw_data in the file; undefined when it is stored in another way. */
  readonly raw: { readonly offset: number; readonly length: number } | undefined;
  /** Whether its numbers lie in another file. */
  readonly external: boolean;
  /** The whole graph field, tag included. */
  readonly field: { readonly offset: number; readonly length: number };
}

export interface OnnxFile {
  readonly source: RandomAccess;
  /** Without those that are initialisers. */
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly nodes: readonly OnnxNodeInfo[];
  readonly initializers: readonly OnnxInitializerInfo[];
  /** The model's graph field: its tag's place, and the range of its content. */
  readonly graph: { readonly tag: number; readonly offset: number; readonly length: number };
}

/** A node with its attributes; the largest of the networks in use have some hundred bytes. */
const MAX_NODE_BYTES = 64 * 1024 * 1024;

/** Throws AppError `weights-invalid` when it is no ONNX model, cut off, or keeps its weights in another file. */
export async function openOnnxFile(source: RandomAccess): Promise<OnnxFile> {
  try {
    return await readModel(source);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('weights-invalid', `${source.name} is not a usable ONNX file: ${error.message}.`, {
      details: { file: source.name },
      cause: error,
    });
  }
}

async function readModel(source: RandomAccess): Promise<OnnxFile> {
  const model = new ProtobufCursor(source, 0, source.size);
  let graph: OnnxFile['graph'] | undefined;
  while (!model.atEnd) {
    const tag = model.position;
    const { field, wire } = await model.tag();
    if (field === 7 && wire === 2) {
      const length = await model.length();
      graph = { tag, offset: model.position, length };
      model.skip(length);
    } else await model.skipField(wire);
  }
  if (graph === undefined) throw new RangeError('it holds no graph');

  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  const nodes: OnnxNodeInfo[] = [];
  const initializers: OnnxInitializerInfo[] = [];
  const cursor = new ProtobufCursor(source, graph.offset, graph.offset + graph.length);
  while (!cursor.atEnd) {
    const start = cursor.position;
    const { field, wire } = await cursor.tag();
    if (wire !== 2) {
      await cursor.skipField(wire);
      continue;
    }
    const length = await cursor.length();
    if (field === 1) nodes.push(readNode(readFields(await cursor.bytes(length, MAX_NODE_BYTES))));
    else if (field === 11) inputs.push(readValue(readFields(await cursor.bytes(length, MAX_NODE_BYTES))));
    else if (field === 12) outputs.push(readValue(readFields(await cursor.bytes(length, MAX_NODE_BYTES))));
    else if (field === 5) {
      const end = cursor.position + length;
      const tensor = await readInitializer(new ProtobufCursor(source, cursor.position, end));
      initializers.push({ ...tensor, field: { offset: start, length: end - start } });
      cursor.skip(length);
    } else cursor.skip(length);
  }
  if (initializers.some(({ external }) => external)) {
    throw new RangeError('its weights lie in another file; save it with all weights inside');
  }
  const stored = new Set(initializers.map(({ name }) => name));
  return { source, inputs: inputs.filter(({ name }) => !stored.has(name)), outputs, nodes, initializers, graph };
}

function readNode(fields: readonly ProtobufField[]): OnnxNodeInfo {
  return {
    name: texts(fields, 3)[0] ?? '',
    op: texts(fields, 4)[0] ?? '',
    inputs: texts(fields, 1),
  };
}

/** ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1, shape 2 → dim 1 → dim_value 1. */
function readValue(fields: readonly ProtobufField[]): OnnxValueInfo {
  const tensor = inside(inside(fields, 2), 1);
  const dims = readAll(inside(tensor, 2), 1).map((dim) => integers(dim, 1)[0] ?? null);
  return { name: texts(fields, 1)[0] ?? '', type: integers(tensor, 1)[0] ?? 0, dims };
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9, data_location 14. */
async function readInitializer(cursor: ProtobufCursor): Promise<Omit<OnnxInitializerInfo, 'field'>> {
  let name = '';
  let type = 0;
  let external = false;
  let raw: OnnxInitializerInfo['raw'];
  const dims: number[] = [];
  while (!cursor.atEnd) {
    const { field, wire } = await cursor.tag();
    if (field === 1 && wire === 0) dims.push(await cursor.varint());
    else if (field === 2 && wire === 0) type = await cursor.varint();
    else if (field === 14 && wire === 0) external = (await cursor.varint()) === 1;
    else if (wire === 2) {
      const length = await cursor.length();
      if (field === 8) name = new TextDecoder().decode(await cursor.bytes(length, MAX_NODE_BYTES));
      else if (field === 1) dims.push(...packed(await cursor.bytes(length, MAX_NODE_BYTES)));
      else {
        if (field === 9) raw = { offset: cursor.position, length };
        cursor.skip(length);
      }
    } else await cursor.skipField(wire);
  }
  return { name, type, dims, raw, external };
}

function packed(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte < 128) {
      values.push(value);
      value = 0;
      factor = 1;
    }
  }
  return values;
}

function texts(fields: readonly ProtobufField[], number: number): string[] {
  return fields.flatMap(({ field, value }) =>
    field === number && value instanceof Uint8Array ? new TextDecoder().decode(value) : [],
  );
}

function integers(fields: readonly ProtobufField[], number: number): number[] {
  return fields.flatMap(({ field, value }) => (field === number && typeof value === 'number' ? value : []));
}

function readAll(fields: readonly ProtobufField[], number: number): ProtobufField[][] {
  return fields.flatMap(({ field, value }) =>
    field === number && value instanceof Uint8Array ? [readFields(value)] : [],
  );
}

function inside(fields: readonly ProtobufField[], number: number): ProtobufField[] {
  return readAll(fields, number)[0] ?? [];
}
