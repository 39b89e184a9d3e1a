/**
 * ONNX ModelProto bytes from plain objects. Only the fields that the builders use; field numbers are those of
 * onnx.proto3 (onnx 1.23), wire format of protobuf 3: tag = field << 3 | wire type, 0 = varint, 2 = length-delimited,
 * 5 = 32 bit.
 */

/** TensorProto.DataType. */
export const ONNX_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type OnnxType = keyof typeof ONNX_TYPES;

/** Integer numbers become INT; write floats as `{ float: x }`. Lists are INTS. */
export type Attribute = number | { readonly float: number } | string | readonly number[];

export interface OnnxNode {
  readonly op: string;
  /** '' = ai.onnx. */
  readonly domain: string;
  /** '' stands for an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
}

/** Bytes inline, or a range of a file that lies beside the model. */
export type OnnxInitializer = OnnxValue &
  (
    | { readonly bytes: Uint8Array }
    | { readonly external: { readonly file: string; readonly offset: number; readonly length: number } }
  );

export interface OnnxModel {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
}

/** IR 9 is the version that ai.onnx opset 20 came with. */
const IR_VERSION = 9;
const OPSETS = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
] as const;

/** Serialises a model; all shapes are static. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const message = new Message();
  message.integer(1, IR_VERSION);
  message.text(2, 'likeness');
  for (const { domain, version } of OPSETS) message.message(8, new Message().text(1, domain).integer(2, version));
  const graph = new Message();
  model.nodes.forEach((node, index) => graph.message(1, encodeNode(node, index)));
  graph.text(2, model.name);
  for (const initializer of model.initializers) graph.message(5, encodeInitializer(initializer));
  for (const input of model.inputs) graph.message(11, encodeValue(input));
  for (const output of model.outputs) graph.message(12, encodeValue(output));
  return message.message(7, graph).finish();
}

function encodeNode(node: OnnxNode, index: number): Message {
  const message = new Message();
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  message.text(3, `${node.op}_${index}`).text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, encodeAttribute(name, value));
  return message.text(7, node.domain);
}

/** AttributeProto.type: FLOAT 1, INT 2, STRING 3, INTS 7. */
function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

function encodeInitializer(initializer: OnnxInitializer): Message {
  const message = new Message();
  for (const dim of initializer.dims) message.integer(1, dim);
  message.integer(2, ONNX_TYPES[initializer.type]).text(8, initializer.name);
  if ('bytes' in initializer) return message.bytes(9, initializer.bytes);
  const { file, offset, length } = initializer.external;
  const entries = { location: file, offset: String(offset), length: String(length) };
  for (const [key, value] of Object.entries(entries)) message.message(13, new Message().text(1, key).text(2, value));
  return message.integer(14, 1);
}

function encodeValue(value: OnnxValue): Message {
  const shape = new Message();
  for (const dim of value.dims) shape.message(1, new Message().integer(1, dim));
  const tensorType = new Message().integer(1, ONNX_TYPES[value.type]).message(2, shape);
  return new Message().text(1, value.name).message(2, new Message().message(1, tensorType));
}

const UTF8 = new TextEncoder();

/** One protobuf message under construction: a list of pieces, joined once at the end. */
class Message {
  private readonly pieces: Uint8Array[] = [];
  private size = 0;

  integer(field: number, value: number): this {
    this.push(varint(field << 3));
    return this.push(varint(value));
  }

  float(field: number, value: number): this {
    this.push(varint((field << 3) | 5));
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, UTF8.encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.push(varint((field << 3) | 2));
    this.push(varint(value.length));
    return this.push(value);
  }

  message(field: number, value: Message): this {
    this.push(varint((field << 3) | 2));
    this.push(varint(value.size));
    for (const piece of value.pieces) this.push(piece);
    return this;
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.size);
    let offset = 0;
    for (const piece of this.pieces) {
      result.set(piece, offset);
      offset += piece.length;
    }
    return result;
  }

  private push(bytes: Uint8Array): this {
    this.pieces.push(bytes);
    this.size += bytes.length;
    return this;
  }
}

/** Base-128, low group first; negative numbers are 64-bit two's complement. */
function varint(value: number): Uint8Array {
  if (value >= 0 && value < 0x80) return Uint8Array.of(value);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
