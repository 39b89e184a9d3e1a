import type { DetectedFace } from '../../domain/image.ts';
import { facePoints } from './face-points.ts';

/** One stride's outputs of YuNet, N = rows · columns candidates in reading order. */
export interface YunetOutputs {
  readonly stride: number;
  readonly columns: number;
  /** `[1, N, 1]`, 0..1. */
  readonly cls: Float32Array;
  /** `[1, N, 1]`, 0..1. */
  readonly obj: Float32Array;
  /** `[1, N, 4]`. */
  readonly bbox: Float32Array;
  /** `[1, N, 10]`. */
  readonly kps: Float32Array;
}

export const YUNET_STRIDES = [8, 16, 32] as const;

/**
 * Candidates with score = √(cls·obj) ≥ threshold, in input pixels: centre ((c + b₀)·s, (r + b₁)·s), size exp(b₂, b₃)·s,
 * landmarks ((c + k₂ₙ)·s, (r + k₂ₙ₊₁)·s). YuNet 2023mar; formula of OpenCV 4 `modules/objdetect/src/face_detect.cpp`.
 * YuNet names eyes and mouth corners by the person's right and left, which is image order left to right.
 */
export function decodeYunet(outputs: YunetOutputs, threshold: number): DetectedFace[] {
  const { stride, columns, cls, obj, bbox, kps } = outputs;
  const faces: DetectedFace[] = [];
  for (let i = 0; i < cls.length; i++) {
    const score = Math.sqrt(unit(cls[i]!) * unit(obj[i]!));
    if (!(score >= threshold)) continue; // NaN from a faulty backend is no face either
    const column = i % columns;
    const row = Math.floor(i / columns);
    const x = (column + bbox[4 * i]!) * stride;
    const y = (row + bbox[4 * i + 1]!) * stride;
    const halfWidth = (Math.exp(bbox[4 * i + 2]!) * stride) / 2;
    const halfHeight = (Math.exp(bbox[4 * i + 3]!) * stride) / 2;
    faces.push({
      box: { left: x - halfWidth, top: y - halfHeight, right: x + halfWidth, bottom: y + halfHeight },
      points: facePoints((point, axis) => ((axis === 0 ? column : row) + kps[10 * i + 2 * point + axis]!) * stride),
      score,
    });
  }
  return faces;
}

function unit(value: number): number {
  return Math.max(0, Math.min(1, value));
}
