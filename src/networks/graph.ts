/**
 * A graph under construction: values with static shapes, the operators that the networks are made of, and weights
 * looked up by state-dict name. Floats inside have the compute type; inputs and outputs are float32 always.
 */
import { AppError } from '../domain/errors.ts';
import { elementCount } from '../domain/tensor.ts';
import type { TensorEntry, TensorIndex } from '../bundle/weight-index.ts';
import {
  encodeModel,
  ONNX_TYPES,
  type Attribute,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
} from './onnx-writer.ts';

/** See `Graph.split`. */
const MOST_PARTS = 7;

/** What the graph's floats are computed in. The integer weights are the same for both. */
export type ComputeType = 'float32' | 'float16';

/** A tensor inside the graph. */
export type Value = OnnxValue;

export interface BuiltGraph {
  /** ONNX ModelProto. */
  readonly model: Uint8Array;
  /** Weight files that the model's external data point into; `location` is the path in the bundle. */
  readonly weightFiles: string[];
}

interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: 'com.microsoft';
  /** Element type of the output; default: of the first input. */
  readonly type?: OnnxType;
}

/** Collects nodes, weights and problems; `finish` gives the bytes or tells everything that is wrong. */
export class Graph {
  readonly compute: ComputeType;
  private readonly name: string;
  private readonly tensors: TensorIndex;
  private readonly inputs: OnnxValue[] = [];
  private readonly outputs: OnnxValue[] = [];
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, OnnxInitializer>();
  private readonly casts = new Map<string, Value>();
  private readonly problems = new Map<string, { dims: readonly number[]; problem: string }>();

  constructor(name: string, tensors: TensorIndex, compute: ComputeType) {
    this.name = name;
    this.tensors = tensors;
    this.compute = compute;
  }

  /** Declares a graph input as it comes from outside. */
  input(name: string, dims: readonly number[], type: 'float32' | 'int32'): Value {
    const value = { name, type, dims };
    this.inputs.push(value);
    return value;
  }

  /** A float32 graph input, brought to the compute type. */
  floatInput(name: string, dims: readonly number[]): Value {
    return this.cast(this.input(name, dims, 'float32'), this.compute);
  }

  /** Declares a float32 graph output. */
  output(name: string, value: Value): void {
    this.outputs.push({ name, type: 'float32', dims: value.dims });
    const op = value.type === 'float32' ? 'Identity' : 'Cast';
    const attributes: Record<string, number> = op === 'Cast' ? { to: ONNX_TYPES.float32 } : {};
    this.nodes.push({ op, domain: '', inputs: [value.name], outputs: [name], attributes });
  }

  /** Adds one operator with one output; `undefined` stands for an absent optional input. */
  node(op: string, inputs: readonly (Value | undefined)[], dims: readonly number[], options: NodeOptions = {}): Value {
    const [name = ''] = this.outputsOf(op, inputs, 1, options);
    return { name, type: options.type ?? inputs[0]?.type ?? this.compute, dims };
  }

  /**
   * Adds one operator and gives the names of its first `count` outputs. Absent inputs at the end are left off: a Conv with
   * an empty name for its bias fails on the WebGPU provider of onnxruntime 1.30.
   */
  outputsOf(op: string, inputs: readonly (Value | undefined)[], count: number, options: NodeOptions): string[] {
    const given = inputs.findLastIndex((input) => input !== undefined) + 1;
    const outputs = Array.from({ length: count }, (_, i) => `${op}_${this.nodes.length}:${i}`);
    this.nodes.push({
      op,
      domain: options.domain ?? '',
      inputs: inputs.slice(0, given).map((input) => input?.name ?? ''),
      outputs,
      attributes: options.attributes ?? {},
    });
    return outputs;
  }

  cast(value: Value, type: OnnxType): Value {
    if (value.type === type) return value;
    return this.node('Cast', [value], value.dims, { type, attributes: { to: ONNX_TYPES[type] } });
  }

  /** A small float constant inside the model. */
  constant(values: ArrayLike<number>, dims: readonly number[], type: ComputeType = this.compute): Value {
    const value = this.inline('float32', Float32Array.from(values), dims);
    return type === 'float32' ? value : this.castInitializer(value);
  }

  /** A list of int64 for shapes, axes and ends. */
  integers(values: readonly number[]): Value {
    return this.inline('int64', BigInt64Array.from(values, BigInt), [values.length]);
  }

  /**
   * The stored tensor `name`, which must have this shape. What is wrong with it is kept until `finish`, so that one
   * error can tell everything; meanwhile a stand-in of the right shape keeps the builder going.
   */
  stored(name: string, dims: readonly number[]): TensorEntry {
    const entry = this.tensors[name];
    const problem = entry === undefined ? 'missing' : entryProblem(entry, dims);
    if (entry !== undefined && problem === undefined) return entry;
    this.problems.set(name, { dims, problem: problem ?? 'missing' });
    return { kind: 'float', file: '', dims, dtype: this.compute, data: { offset: 0, length: 0 } };
  }

  /** Shape of a stored tensor whose size the config does not tell; undefined when it is missing. */
  storedDims(name: string): readonly number[] | undefined {
    return this.tensors[name]?.dims;
  }

  /** Plain (never quantised) weight in the compute type, read as `as` where another view of the same numbers is needed. */
  weight(name: string, dims: readonly number[], as: readonly number[] = dims): Value {
    const entry = this.stored(name, dims);
    if (entry.kind !== 'float') {
      this.problems.set(name, { dims, problem: `stored as ${entry.kind}, but this tensor must be plain floats` });
      return { name, type: this.compute, dims: as };
    }
    return this.castInitializer(this.external(name, entry.dtype, as, entry.file, entry.data));
  }

  /** An initializer over a range of a weight file. */
  external(
    name: string,
    type: OnnxType,
    dims: readonly number[],
    file: string,
    range: { readonly offset: number; readonly length: number },
  ): Value {
    this.initializers.set(name, { name, type, dims, external: { file, ...range } });
    return { name, type, dims };
  }

  /** An initializer in the compute type; the cast of a constant is folded when the session loads. */
  castInitializer(value: Value): Value {
    const known = this.casts.get(value.name);
    if (known !== undefined) return known;
    const result = this.cast(value, this.compute);
    this.casts.set(value.name, result);
    return result;
  }

  add = (a: Value, b: Value): Value => this.node('Add', [a, b], broadcast(a, b));
  multiply = (a: Value, b: Value): Value => this.node('Mul', [a, b], broadcast(a, b));
  scale = (a: Value, factor: number): Value => this.multiply(a, this.constant([factor], [1]));
  offset = (a: Value, shift: number): Value => this.add(a, this.constant([shift], [1]));
  relu = (x: Value): Value => this.node('Relu', [x], x.dims);
  tanh = (x: Value): Value => this.node('Tanh', [x], x.dims);

  /** x · Φ(x), exact (erf). */
  gelu = (x: Value): Value => this.node('Gelu', [x], x.dims);

  /** x · sigmoid(alpha · x): 1.702 is CLIP's QuickGELU, 1 is SiLU. */
  quickGelu(x: Value, alpha = 1.702): Value {
    return this.node('QuickGelu', [x], x.dims, { domain: 'com.microsoft', attributes: { alpha: { float: alpha } } });
  }

  silu = (x: Value): Value => this.quickGelu(x, 1);

  reshape(x: Value, dims: readonly number[]): Value {
    if (sameDims(x.dims, dims)) return x;
    if (elementCount(x.dims) !== elementCount(dims)) {
      throw new AppError('graph-invalid', `Cannot reshape [${x.dims.join(', ')}] to [${dims.join(', ')}].`);
    }
    return this.node('Reshape', [x, this.integers(dims)], dims);
  }

  transpose(x: Value, order: readonly number[]): Value {
    const dims = order.map((axis) => x.dims[axis] ?? 0);
    return this.node('Transpose', [x], dims, { attributes: { perm: order } });
  }

  /** Elements [start, end) along `axis`. */
  slice(x: Value, axis: number, start: number, end: number): Value {
    const dims = x.dims.map((dim, i) => (i === axis ? end - start : dim));
    return this.node('Slice', [x, this.integers([start]), this.integers([end]), this.integers([axis])], dims);
  }

  /**
   * Consecutive parts of these lengths along `axis`. One operator gives at most seven: with its input they are the eight
   * storage buffers that every WebGPU device lets a shader have; what is left over is split further.
   */
  split(x: Value, axis: number, lengths: readonly number[]): Value[] {
    const own = lengths.length > MOST_PARTS ? lengths.slice(0, MOST_PARTS - 1) : lengths;
    const rest = lengths.slice(own.length);
    const sizes = rest.length > 0 ? [...own, rest.reduce((sum, length) => sum + length, 0)] : own;
    const parts = this.outputsOf('Split', [x, this.integers(sizes)], sizes.length, { attributes: { axis } }).map(
      (name, i): Value => ({ name, type: x.type, dims: x.dims.map((dim, k) => (k === axis ? (sizes[i] ?? 0) : dim)) }),
    );
    const last = parts.at(-1);
    return rest.length > 0 && last ? [...parts.slice(0, -1), ...this.split(last, axis, rest)] : parts;
  }

  concat(values: readonly Value[], axis: number): Value {
    const first = values[0];
    if (first === undefined) throw new AppError('graph-invalid', 'Nothing to concatenate.');
    const total = values.reduce((sum, value) => sum + (value.dims[axis] ?? 0), 0);
    return this.node(
      'Concat',
      values,
      first.dims.map((dim, i) => (i === axis ? total : dim)),
      { attributes: { axis } },
    );
  }

  /** Nearest neighbour as PyTorch's `interpolate(mode='nearest')`: source = floor(target · in / out). x is [B,C,h,w]. */
  resizeNearest(x: Value, height: number, width: number): Value {
    const [batch = 1, channels = 1, h, w] = x.dims;
    if (h === height && w === width) return x;
    const dims = [batch, channels, height, width];
    return this.node('Resize', [x, undefined, undefined, this.integers(dims)], dims, {
      attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    });
  }

  /**
   * The model's bytes. Throws AppError `weights-invalid` that lists every missing or ill-fitting tensor.
   */
  finish(): BuiltGraph {
    if (this.problems.size > 0) {
      const problems = [...this.problems].map(([name, { dims, problem }]) => ({ name, dims, problem }));
      const list = problems.slice(0, 12).map(({ name, problem }) => `${name}: ${problem}`);
      if (problems.length > list.length) list.push(`and ${problems.length - list.length} more`);
      throw new AppError(
        'weights-invalid',
        `The weights do not fit the configuration of ${this.name}: ${list.join('; ')}. Compile the bundle again from a complete checkpoint.`,
        { details: { network: this.name, problems } },
      );
    }
    const initializers = [...this.initializers.values()];
    const files = new Set(initializers.flatMap((item) => ('external' in item ? [item.external.file] : [])));
    const { name, inputs, outputs, nodes } = this;
    return { model: encodeModel({ name, inputs, outputs, nodes, initializers }), weightFiles: [...files] };
  }

  private inline(type: 'float32' | 'int64', data: Float32Array | BigInt64Array, dims: readonly number[]): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // Short ones are named by their content, so that the same constant is stored once.
    const key =
      data.length <= 64 ? `${type}[${dims.join(',')}]=${data.join(',')}` : `constant_${this.initializers.size}`;
    if (!this.initializers.has(key)) this.initializers.set(key, { name: key, type, dims, bytes });
    return { name: key, type, dims };
  }
}

/** What keeps a stored tensor from being used with this shape; undefined when nothing does. */
function entryProblem(entry: TensorEntry, dims: readonly number[]): string | undefined {
  if (!sameDims(entry.dims, dims)) {
    return `shape [${entry.dims.join(', ')}], but the configuration asks for [${dims.join(', ')}]`;
  }
  const count = elementCount(dims);
  const rows = dims[0] ?? 1;
  const expected: [string, number, number][] = [];
  if (entry.kind === 'float') {
    expected.push(['data', entry.data.length, count * (entry.dtype === 'float16' ? 2 : 4)]);
  } else if (entry.kind === 'int8') {
    expected.push(['data', entry.data.length, count], ['scale', entry.scale.length, rows * 4]);
  } else {
    const blocks = rows * Math.ceil(count / rows / entry.blockSize);
    expected.push(['data', entry.data.length, (blocks * entry.blockSize * entry.bits) / 8]);
    expected.push(['scale', entry.scale.length, blocks * 4]);
  }
  const wrong = expected.find(([, actual, wanted]) => actual !== wanted);
  return wrong && `${wrong[0]} has ${wrong[1]} bytes instead of ${wrong[2]}`;
}

function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Shape of an elementwise result (numpy rules). Throws AppError `graph-invalid`. */
function broadcast(a: Value, b: Value): number[] {
  const rank = Math.max(a.dims.length, b.dims.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a.dims[a.dims.length - rank + i] ?? 1;
    const y = b.dims[b.dims.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new AppError(
        'graph-invalid',
        `Shapes [${a.dims.join(', ')}] and [${b.dims.join(', ')}] do not go together.`,
      );
    }
    return Math.max(x, y);
  });
}
