import type { PixelImage } from '../../domain/image.ts';
import type { Region } from './region.ts';

/** For each output position along one axis: which source positions count, and how much. */
interface AxisWeights {
  readonly first: Int32Array;
  /** Source positions per output position; unused ones have weight 0. */
  readonly taps: number;
  readonly weights: Float32Array;
}

/** Keys' cubic with a = −0.5 (Keys 1981, "Cubic convolution interpolation"): third order, the usual "bicubic". */
const CUBIC_A = -0.5;

/**
 * A region of a picture, brought to `width`×`height`, each axis on its own. Shrinking takes the mean of the area that an
 * output pixel covers: no aliasing, no ringing, brightness kept exactly. Enlarging is bicubic: sharper than bilinear,
 * which shows where a native-size rendering is brought to a larger answer. Edges repeat.
 */
export function resampleRegion(image: PixelImage, region: Region, width: number, height: number): PixelImage {
  const columns = axisWeights(image.width, region.left, region.width, width);
  const rows = axisWeights(image.height, region.top, region.height, height);
  const { firstRow, rowCount } = rowsNeeded(rows, image.height);
  const narrowed = resampleColumns(image, columns, firstRow, rowCount, width);
  return { width, height, data: resampleRows(narrowed, rows, firstRow, width, height) };
}

/** The whole picture at another size. */
export function resample(image: PixelImage, width: number, height: number): PixelImage {
  if (image.width === width && image.height === height) return image;
  return resampleRegion(image, { left: 0, top: 0, width: image.width, height: image.height }, width, height);
}

function rowsNeeded(rows: AxisWeights, height: number): { firstRow: number; rowCount: number } {
  let firstRow = height;
  let end = 0;
  for (const first of rows.first) {
    firstRow = Math.min(firstRow, first);
    end = Math.max(end, first + rows.taps);
  }
  return { firstRow, rowCount: Math.min(end, height) - firstRow };
}

function axisWeights(sourceSize: number, start: number, length: number, outputSize: number): AxisWeights {
  const scale = length / outputSize;
  const taps = Math.min(sourceSize, scale >= 1 ? Math.ceil(scale) + 1 : 4);
  const first = new Int32Array(outputSize);
  const weights = new Float32Array(outputSize * taps);
  for (let i = 0; i < outputSize; i++) {
    const from = start + i * scale;
    const begin = scale >= 1 ? Math.floor(from) : Math.floor(from + scale / 2 - 0.5) - 1;
    const wanted = scale >= 1 ? Math.ceil(scale) + 1 : 4;
    first[i] = Math.max(0, Math.min(sourceSize - taps, begin));
    let total = 0;
    for (let tap = 0; tap < wanted; tap++) {
      const position = begin + tap;
      const weight =
        scale >= 1
          ? Math.max(0, Math.min(from + scale, position + 1) - Math.max(from, position))
          : cubic(from + scale / 2 - 0.5 - position);
      const inside = Math.max(0, Math.min(sourceSize - 1, position)) - first[i]!;
      if (inside < 0 || inside >= taps) continue;
      weights[i * taps + inside]! += weight;
      total += weight;
    }
    for (let tap = 0; tap < taps; tap++) weights[i * taps + tap]! /= total;
  }
  return { first, taps, weights };
}

function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1;
  if (x < 2) return CUBIC_A * (((x - 5) * x + 8) * x - 4);
  return 0;
}

function resampleColumns(
  image: PixelImage,
  columns: AxisWeights,
  firstRow: number,
  rowCount: number,
  width: number,
): Float32Array {
  const { first, taps, weights } = columns;
  const { data } = image;
  const out = new Float32Array(rowCount * width * 4);
  let target = 0;
  for (let y = 0; y < rowCount; y++) {
    const row = (firstRow + y) * image.width;
    for (let x = 0; x < width; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let alpha = 0;
      let source = (row + first[x]!) * 4;
      for (let tap = x * taps; tap < (x + 1) * taps; tap++) {
        const weight = weights[tap]!;
        red += weight * data[source]!;
        green += weight * data[source + 1]!;
        blue += weight * data[source + 2]!;
        alpha += weight * data[source + 3]!;
        source += 4;
      }
      out[target] = red;
      out[target + 1] = green;
      out[target + 2] = blue;
      out[target + 3] = alpha;
      target += 4;
    }
  }
  return out;
}

function resampleRows(
  source: Float32Array,
  rows: AxisWeights,
  firstRow: number,
  width: number,
  height: number,
): Uint8ClampedArray {
  const { first, taps, weights } = rows;
  const rowLength = width * 4;
  const sums = new Float32Array(rowLength);
  const out = new Uint8ClampedArray(height * rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[y * taps + tap]!;
      if (weight === 0) continue;
      const from = (first[y]! + tap - firstRow) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i]! += weight * source[from + i]!;
    }
    out.set(sums, y * rowLength);
  }
  return out;
}
