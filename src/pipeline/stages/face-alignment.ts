import type { FaceBox, FacePoints, PixelImage, Point } from '../../domain/image.ts';
import { apply, invert, solveSimilarity, type Similarity } from '../image/similarity.ts';
import { warpBySimilarity } from '../image/warp.ts';
import { facePoints } from './face-points.ts';

/**
 * Where eyes, nose and mouth corners lie in an aligned 112×112 crop: insightface `face_align.py` (7fadd42), the template
 * all ArcFace-style encoders are trained with.
 */
export const ARCFACE_TEMPLATE_112: FacePoints = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];
const TEMPLATE_SIZE = 112;

export type AlignmentFit = 'crop' | 'picture';

/**
 * From picture pixels to the pixels of an aligned crop of `size`×`size`. Throws RangeError when all points coincide.
 *
 * @param fit where the squared distances are least: `crop` as insightface's `estimate_norm` does, or `picture` (template to
 *   picture, then inverted), which shows faces that differ from the template larger. An encoder has to be given the crops
 *   that it was trained with.
 */
export function alignmentOf(points: FacePoints, size: number, fit: AlignmentFit = 'crop'): Similarity {
  const scale = size / TEMPLATE_SIZE;
  const template = facePoints((i, axis) => ARCFACE_TEMPLATE_112[i]![axis === 0 ? 'x' : 'y'] * scale);
  return fit === 'crop' ? solveSimilarity(points, template) : invert(solveSimilarity(template, points));
}

/** The face upright, eyes and mouth where the encoder expects them. */
export function alignedCrop(image: PixelImage, points: FacePoints, size: number, fit?: AlignmentFit): PixelImage {
  return warpBySimilarity(image, alignmentOf(points, size, fit), size);
}

/** The box of a face whose five points were placed by hand: what the aligned crop shows, upright. */
export function boxFromPoints(points: FacePoints): FaceBox {
  const toPicture = invert(alignmentOf(points, TEMPLATE_SIZE));
  const corners: Point[] = [
    { x: 0, y: 0 },
    { x: TEMPLATE_SIZE, y: 0 },
    { x: 0, y: TEMPLATE_SIZE },
    { x: TEMPLATE_SIZE, y: TEMPLATE_SIZE },
  ].map((corner) => apply(toPicture, corner));
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}
