import type { Point } from '../../domain/image.ts';

/** Rotation, uniform scale and shift: (x, y) → (a·x − b·y + tx, b·x + a·y + ty). */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/**
 * The similarity that brings `from` closest to `to` (least squares), in closed form: with both sets centred and
 * n = Σ|s|², a = Σ s·d / n and b = Σ (sx·dy − sy·dx) / n. Equals Umeyama's (IEEE PAMI 13(4), 1991) where no
 * reflection is needed. Throws RangeError when all points of `from` are in one place.
 */
export function solveSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  const source = meanOf(from);
  const target = meanOf(to);
  let n = 0;
  let dot = 0;
  let cross = 0;
  from.forEach((point, i) => {
    const sx = point.x - source.x;
    const sy = point.y - source.y;
    const dx = to[i]!.x - target.x;
    const dy = to[i]!.y - target.y;
    n += sx * sx + sy * sy;
    dot += sx * dx + sy * dy;
    cross += sx * dy - sy * dx;
  });
  if (n === 0) throw new RangeError('Points in one place have no similarity');
  const a = dot / n;
  const b = cross / n;
  return { a, b, tx: target.x - (a * source.x - b * source.y), ty: target.y - (b * source.x + a * source.y) };
}

/** The way back. */
export function invert({ a, b, tx, ty }: Similarity): Similarity {
  const n = a * a + b * b;
  return { a: a / n, b: -b / n, tx: -(a * tx + b * ty) / n, ty: (b * tx - a * ty) / n };
}

/** Where a point goes. */
export function apply({ a, b, tx, ty }: Similarity, { x, y }: Point): Point {
  return { x: a * x - b * y + tx, y: b * x + a * y + ty };
}

/** Output lengths per input length. */
export function scaleOf({ a, b }: Similarity): number {
  return Math.hypot(a, b);
}

function meanOf(points: readonly Point[]): Point {
  const sum = points.reduce((total, point) => ({ x: total.x + point.x, y: total.y + point.y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}
