import type { FaceBox, FacePoints, Point } from '../../domain/image.ts';

/** A rectangle in continuous pixel coordinates (pixel i covers [i, i+1)); edges may be fractional. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The largest region of the given aspect (width / height) that lies in the picture, centred on `centre` as far as the
 * picture allows. Nothing is ever stretched: what does not fit is cut.
 */
export function coverRegion(width: number, height: number, aspect: number, centre: Point): Region {
  const wide = width / height > aspect;
  const regionWidth = wide ? height * aspect : width;
  const regionHeight = wide ? height : width / aspect;
  return {
    left: clamp(centre.x - regionWidth / 2, 0, width - regionWidth),
    top: clamp(centre.y - regionHeight / 2, 0, height - regionHeight),
    width: regionWidth,
    height: regionHeight,
  };
}

/** Share of a box's area inside a region, 0..1. */
export function visibleShare(box: FaceBox, region: Region): number {
  const area = (box.right - box.left) * (box.bottom - box.top);
  if (area <= 0) return 1;
  const width = Math.min(box.right, region.left + region.width) - Math.max(box.left, region.left);
  const height = Math.min(box.bottom, region.top + region.height) - Math.max(box.top, region.top);
  return (Math.max(0, width) * Math.max(0, height)) / area;
}

/** The middle of a box. */
export function centreOf(box: FaceBox): Point {
  return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

/** The box in the coordinates of an image of `width` pixels that shows exactly `region`. */
export function boxInRegion(box: FaceBox, region: Region, width: number): FaceBox {
  const scale = width / region.width;
  return {
    left: (box.left - region.left) * scale,
    top: (box.top - region.top) * scale,
    right: (box.right - region.left) * scale,
    bottom: (box.bottom - region.top) * scale,
  };
}

/** A box in the pixels of the same picture at `scale` times its size. */
export function scaleBox(box: FaceBox, scale: number): FaceBox {
  return {
    left: box.left * scale,
    top: box.top * scale,
    right: box.right * scale,
    bottom: box.bottom * scale,
  };
}

/** Points in the pixels of the same picture at `scale` times its size. */
export function scalePoints(points: FacePoints, scale: number): FacePoints {
  const scaled = ({ x, y }: Point): Point => ({ x: x * scale, y: y * scale });
  return [scaled(points[0]), scaled(points[1]), scaled(points[2]), scaled(points[3]), scaled(points[4])];
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
