/** Geometry of a face placed by hand: a square box and five points in it, all in pixels of the picture. */
import type { FacePoints, Point } from '../domain/image.ts';

export interface Placement {
  /** Left upper corner and side of the square around the face. */
  readonly left: number;
  readonly top: number;
  readonly size: number;
  readonly points: FacePoints;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Where the five points lie in a unit square around a frontal face: the 112-pixel alignment template of ArcFace
 * (Deng et al. 2019; insightface, `arcface_dst`), divided by 112.
 */
const TEMPLATE = [
  { x: 0.3419, y: 0.4617 },
  { x: 0.6565, y: 0.4598 },
  { x: 0.5002, y: 0.6405 },
  { x: 0.3709, y: 0.8247 },
  { x: 0.6315, y: 0.8232 },
] as const;

/** Least side of the box as a part of the picture's shorter side. */
const SMALLEST = 0.05;

/** A box in the middle of the upper half, where faces mostly are. */
export function initialPlacement({ width, height }: PictureSize): Placement {
  const size = Math.min(width, height) * 0.5;
  return withTemplate((width - size) / 2, Math.max(0, height * 0.45 - size / 2), size);
}

/** Starts from points that are known, e.g. of a found face that does not fit. */
export function placementOf(points: FacePoints, { width, height }: PictureSize): Placement {
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const spread = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const size = Math.min(Math.max(spread * 2.6, 1), Math.min(width, height));
  const centre = { x: mean(xs), y: mean(ys) };
  return {
    left: clamp(centre.x - size / 2, 0, width - size),
    top: clamp(centre.y - size * 0.58, 0, height - size),
    size,
    points,
  };
}

/** Moves box and points together, inside of the picture. */
export function moveBox(placement: Placement, dx: number, dy: number, picture: PictureSize): Placement {
  const left = clamp(placement.left + dx, 0, picture.width - placement.size);
  const top = clamp(placement.top + dy, 0, picture.height - placement.size);
  const [x, y] = [left - placement.left, top - placement.top];
  return { ...placement, left, top, points: mapPoints(placement.points, (p) => ({ x: p.x + x, y: p.y + y })) };
}

/** Changes the box's side; the points keep their place within it. */
export function resizeBox(placement: Placement, wanted: number, picture: PictureSize): Placement {
  const { left, top, points } = placement;
  const largest = Math.min(picture.width - left, picture.height - top);
  const smallest = Math.min(largest, Math.min(picture.width, picture.height) * SMALLEST);
  const size = clamp(wanted, smallest, largest);
  const scale = size / placement.size;
  const scaled = mapPoints(points, (p) => ({ x: left + (p.x - left) * scale, y: top + (p.y - top) * scale }));
  return { left, top, size, points: scaled };
}

export function movePoint(placement: Placement, index: number, to: Point, picture: PictureSize): Placement {
  const moved = { x: clamp(to.x, 0, picture.width), y: clamp(to.y, 0, picture.height) };
  return { ...placement, points: mapPoints(placement.points, (point, i) => (i === index ? moved : point)) };
}

function withTemplate(left: number, top: number, size: number): Placement {
  return { left, top, size, points: mapPoints(TEMPLATE, (p) => ({ x: left + p.x * size, y: top + p.y * size })) };
}

function mapPoints(points: FacePoints, change: (point: Point, index: number) => Point): FacePoints {
  const [a, b, c, d, e] = points;
  return [change(a, 0), change(b, 1), change(c, 2), change(d, 3), change(e, 4)];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
