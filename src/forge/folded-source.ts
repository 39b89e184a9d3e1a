/** Weights with LoRAs folded in, tensor by tensor when they are read. */
import type { MatMul } from '../domain/ports.ts';
import type { LoraLayer } from './lora.ts';
import type { WeightSource } from './weight-source.ts';

/** One change of one tensor. */
export interface Change {
  readonly source: WeightSource;
  readonly layer: LoraLayer;
  /** The caller's strength, times whatever the file says. */
  readonly scale: number;
}

/** Values in one matrix product; what lies beside the weights at one time is this much twice over. */
const BLOCK_VALUES = 4 * 1024 * 1024;

/**
 * The base with W + Σ scale · up · down in place of the changed weights, in f32 and in the order of the changes; a DoRA
 * change is (m / |W + ΔW|) · (all before + ΔW) per output row, with W the untouched base, as peft 0.21 merges it.
 * Rows are independent of each other, so each call computes the rows it gives and no more.
 */
export function foldedSource(
  base: WeightSource,
  changes: ReadonlyMap<string, readonly Change[]>,
  matMul: MatMul,
): WeightSource {
  const factors = new FactorCache(matMul);
  const readRows: WeightSource['readRows'] = async (tensor, first, count) => {
    const values = await base.readRows(tensor, first, count);
    const own = changes.get(tensor);
    if (own === undefined || values.length === 0) return values;
    const width = values.length / count;
    const step = Math.max(1, Math.floor(BLOCK_VALUES / width));
    const ready = await factors.of(tensor, own);
    for (let row = 0; row < count; row += step) {
      const rows = Math.min(step, count - row);
      const block = values.subarray(row * width, (row + rows) * width);
      await change(block, ready, { first: first + row, rows, matMul });
    }
    return values;
  };
  return {
    name: base.name,
    shapes: base.shapes,
    read: (tensor) => {
      const shape = base.shapes.get(tensor);
      return changes.has(tensor) && shape !== undefined ? readRows(tensor, 0, shape[0] ?? 1) : base.read(tensor);
    },
    readRows,
  };
}

/** A change with its numbers at hand. */
interface Factors {
  /** [out, rank], scaled. */
  readonly up: Float32Array;
  /** [rank, everything under one output]. */
  readonly down: Float32Array;
  readonly rank: number;
  readonly magnitude: Float32Array | undefined;
}

interface Block {
  readonly first: number;
  readonly rows: number;
  readonly matMul: MatMul;
}

async function change(
  values: Float32Array,
  changes: readonly Factors[],
  { first, rows, matMul }: Block,
): Promise<void> {
  const untouched = changes.some(({ magnitude }) => magnitude) ? values.slice() : values;
  for (const { up, down, rank, magnitude } of changes) {
    const delta = await matMul.multiply(up.subarray(first * rank, (first + rows) * rank), down, rank);
    for (let i = 0; i < values.length; i++) values[i] = values[i]! + delta[i]!;
    if (magnitude === undefined) continue;
    const width = values.length / rows;
    for (let row = 0; row < rows; row++) {
      const end = (row + 1) * width;
      let squares = 0;
      for (let i = row * width; i < end; i++) squares += (untouched[i]! + delta[i]!) ** 2;
      const factor = magnitude[first + row]! / Math.sqrt(squares);
      for (let i = row * width; i < end; i++) values[i] = values[i]! * factor;
    }
  }
}

/** Keeps the factors of the tensor that is being read: its row blocks come one after the other. */
class FactorCache {
  readonly #matMul: MatMul;
  #tensor: string | undefined;
  #factors: Promise<Factors[]> | undefined;

  constructor(matMul: MatMul) {
    this.#matMul = matMul;
  }

  of(tensor: string, changes: readonly Change[]): Promise<Factors[]> {
    if (this.#factors === undefined || this.#tensor !== tensor) {
      this.#tensor = tensor;
      this.#factors = Promise.all(changes.map((one) => readFactors(one, this.#matMul)));
    }
    return this.#factors;
  }
}

async function readFactors({ source, layer, scale }: Change, matMul: MatMul): Promise<Factors> {
  const alpha = layer.alpha === undefined ? undefined : (await source.read(layer.alpha))[0]!;
  const strength = scale * (alpha === undefined ? layer.scale : alpha / layer.rank);
  const up = (await source.read(layer.up)).map((value) => value * strength);
  const narrow = await source.read(layer.down);
  const down = layer.mid === undefined ? narrow : await throughMid(source, layer, narrow, matMul);
  const rank = source.shapes.get(layer.up)![1]!;
  const magnitude = layer.magnitude === undefined ? undefined : await source.read(layer.magnitude);
  return { up, down, rank, magnitude };
}

/** mid ∘ down as one k×k convolution: Σ_b mid[a,b,y,x] · down[b,i] → [rank, in · kh · kw]. */
async function throughMid(
  source: WeightSource,
  { mid = '', rank }: LoraLayer,
  down: Float32Array,
  matMul: MatMul,
): Promise<Float32Array> {
  const [outer = 1, , height = 1, width = 1] = source.shapes.get(mid)!;
  const kernel = height * width;
  const values = await source.read(mid);
  const inputs = down.length / rank;
  // [a, y, x, b] · [b, i] → [a, y, x, i]
  const product = await matMul.multiply(swapped(values, outer, rank, kernel), down, rank);
  return swapped(product, outer, kernel, inputs);
}

/** [a, b, c] → [a, c, b]. */
function swapped(values: Float32Array, a: number, b: number, c: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) result[(i * c + k) * b + j] = values[(i * b + j) * c + k]!;
    }
  }
  return result;
}
