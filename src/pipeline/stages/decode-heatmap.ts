import type { DetectedFace } from '../../domain/image.ts';
import { facePoints } from './face-points.ts';

/** A detector's output planes; `[1, channels, rows, columns]`. */
export interface HeatmapOutputs {
  /** Logits of "a face's centre lies in this cell". */
  readonly heatmap: Float32Array;
  /** Distances left, top, right, bottom from the cell's centre to the box, in cells. */
  readonly box: Float32Array;
  /** Five (x, y) offsets from the cell's centre, in cells. */
  readonly landmarks: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Input pixels per cell. */
  readonly stride: number;
}

/**
 * Faces at the heatmap's local maxima (3×3) with score ≥ threshold, in input pixels; cell centres lie at (i + ½)·stride.
 * The starter's own detector; the decode follows the centre-point idea of Zhou et al., arXiv:1904.07850.
 */
export function decodeHeatmap(outputs: HeatmapOutputs, threshold: number): DetectedFace[] {
  const { heatmap, box, landmarks, rows, columns, stride } = outputs;
  const plane = rows * columns;
  const faces: DetectedFace[] = [];
  for (let cell = 0; cell < plane; cell++) {
    const score = 1 / (1 + Math.exp(-heatmap[cell]!));
    // Asked this way round, NaN from a faulty backend is no face either.
    if (!(score >= threshold) || !isLocalMaximum(heatmap, cell, rows, columns)) continue;
    const x = ((cell % columns) + 0.5) * stride;
    const y = (Math.floor(cell / columns) + 0.5) * stride;
    const distance = (side: number): number => box[side * plane + cell]! * stride;
    faces.push({
      box: { left: x - distance(0), top: y - distance(1), right: x + distance(2), bottom: y + distance(3) },
      points: facePoints(
        (point, axis) => (axis === 0 ? x : y) + landmarks[(2 * point + axis) * plane + cell]! * stride,
      ),
      score,
    });
  }
  return faces;
}

/** Of equal neighbours the first in reading order counts. */
function isLocalMaximum(values: Float32Array, cell: number, rows: number, columns: number): boolean {
  const row = Math.floor(cell / columns);
  const column = cell % columns;
  for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
    for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
      const other = y * columns + x;
      if (values[other]! > values[cell]! || (other < cell && values[other] === values[cell])) return false;
    }
  }
  return true;
}
