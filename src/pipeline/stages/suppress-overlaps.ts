import type { DetectedFace, FaceBox } from '../../domain/image.ts';

/** Greedy non-maximum suppression: the best face stays, others that overlap it by more than `iou` go. */
export function suppressOverlaps(faces: readonly DetectedFace[], iou: number): DetectedFace[] {
  const kept: DetectedFace[] = [];
  for (const face of [...faces].sort((a, b) => b.score - a.score)) {
    if (kept.every((other) => intersectionOverUnion(face.box, other.box) <= iou)) kept.push(face);
  }
  return kept;
}

/** Square pixels; 0 for a box that is inside out. */
export function boxArea({ left, top, right, bottom }: FaceBox): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

function intersectionOverUnion(a: FaceBox, b: FaceBox): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const shared = Math.max(0, width) * Math.max(0, height);
  const union = boxArea(a) + boxArea(b) - shared;
  return union > 0 ? shared / union : 0;
}
