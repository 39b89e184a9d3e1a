import type { FacePoints, Point } from '../../domain/image.ts';

/** Five points from a rule for their coordinates; axis 0 = x, 1 = y. */
export function facePoints(coordinate: (point: number, axis: 0 | 1) => number): FacePoints {
  const point = (i: number): Point => ({ x: coordinate(i, 0), y: coordinate(i, 1) });
  return [point(0), point(1), point(2), point(3), point(4)];
}
