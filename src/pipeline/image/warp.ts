import type { PixelImage } from '../../domain/image.ts';
import { resampleRegion } from './resample.ts';
import { apply, invert, scaleOf, type Similarity } from './similarity.ts';

/**
 * The picture seen through `toOutput`, `size`×`size` pixels: inverse map, bilinear, black outside the picture. Pixel
 * centres lie at +½ on both sides.
 *
 * Where one output pixel covers two or more source pixels, the source is averaged down by that whole factor first;
 * plain bilinear sampling (as in OpenCV's warpAffine, which skips this) would pick single pixels and alias.
 */
export function warpBySimilarity(image: PixelImage, toOutput: Similarity, size: number): PixelImage {
  const shrink = Math.floor(1 / scaleOf(toOutput));
  return shrink >= 2 ? warpAveraged(image, toOutput, size, shrink) : sampleBilinear(image, invert(toOutput), size);
}

function warpAveraged(image: PixelImage, toOutput: Similarity, size: number, shrink: number): PixelImage {
  const toSource = invert(toOutput);
  const corners = [
    [0, 0],
    [size, 0],
    [0, size],
    [size, size],
  ].map(([x, y]) => apply(toSource, { x: x!, y: y! }));
  const bound = (values: readonly number[], limit: number): [number, number] => {
    // One averaged pixel more on each side for the bilinear neighbours.
    const low = Math.max(0, Math.floor(Math.min(...values) / shrink) - 1);
    const high = Math.min(Math.floor(limit / shrink), Math.ceil(Math.max(...values) / shrink) + 1);
    return [low, high];
  };
  const [left, right] = bound(
    corners.map(({ x }) => x),
    image.width,
  );
  const [top, bottom] = bound(
    corners.map(({ y }) => y),
    image.height,
  );
  const width = right - left;
  const height = bottom - top;
  if (width <= 0 || height <= 0) return { width: size, height: size, data: blackPixels(size) };
  const region = { left: left * shrink, top: top * shrink, width: width * shrink, height: height * shrink };
  const averaged = resampleRegion(image, region, width, height);
  const { a, b, tx, ty } = toSource;
  const toAveraged = { a: a / shrink, b: b / shrink, tx: tx / shrink - left, ty: ty / shrink - top };
  return sampleBilinear(averaged, toAveraged, size);
}

function sampleBilinear(image: PixelImage, toSource: Similarity, size: number): PixelImage {
  const { a, b, tx, ty } = toSource;
  const { width, height, data } = image;
  const out = blackPixels(size);
  let target = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++, target += 4) {
      const sourceX = a * (x + 0.5) - b * (y + 0.5) + tx - 0.5;
      const sourceY = b * (x + 0.5) + a * (y + 0.5) + ty - 0.5;
      const left = Math.floor(sourceX);
      const top = Math.floor(sourceY);
      if (left < -1 || top < -1 || left >= width || top >= height) continue;
      const shareX = sourceX - left;
      const shareY = sourceY - top;
      const topRow = top >= 0;
      const bottomRow = top + 1 < height;
      const leftColumn = left >= 0;
      const rightColumn = left + 1 < width;
      const weight00 = topRow && leftColumn ? (1 - shareX) * (1 - shareY) : 0;
      const weight01 = topRow && rightColumn ? shareX * (1 - shareY) : 0;
      const weight10 = bottomRow && leftColumn ? (1 - shareX) * shareY : 0;
      const weight11 = bottomRow && rightColumn ? shareX * shareY : 0;
      // Positions outside have weight 0; reading at a clamped index keeps NaN out of the sum.
      const i00 = weight00 === 0 ? 0 : (top * width + left) * 4;
      const i01 = weight01 === 0 ? 0 : (top * width + left + 1) * 4;
      const i10 = weight10 === 0 ? 0 : ((top + 1) * width + left) * 4;
      const i11 = weight11 === 0 ? 0 : ((top + 1) * width + left + 1) * 4;
      for (let channel = 0; channel < 3; channel++) {
        out[target + channel] =
          weight00 * data[i00 + channel]! +
          weight01 * data[i01 + channel]! +
          weight10 * data[i10 + channel]! +
          weight11 * data[i11 + channel]!;
      }
    }
  }
  return { width: size, height: size, data: out };
}

function blackPixels(size: number): Uint8ClampedArray {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return data;
}
