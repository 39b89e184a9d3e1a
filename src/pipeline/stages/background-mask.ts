import type { FaceBox } from '../../domain/image.ts';

/** How far beyond the face box the picture may change, and how wide the transition is, in face sizes. */
const MARGIN = 0.35;
const SOFTNESS = 0.35;

/**
 * What `keep_background` lets change: 1 on the face with hair and chin, falling smoothly to 0; one value per latent cell.
 *
 * @param face box in pixels of the picture that is encoded
 * @param downscale pixels per latent cell
 */
export function backgroundMask(face: FaceBox, width: number, height: number, downscale: number): Float32Array {
  const size = Math.max(face.right - face.left, face.bottom - face.top);
  const mask = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const pixelY = (y + 0.5) * downscale;
    const outsideY = Math.max(face.top - pixelY, pixelY - face.bottom, 0);
    for (let x = 0; x < width; x++) {
      const pixelX = (x + 0.5) * downscale;
      const outsideX = Math.max(face.left - pixelX, pixelX - face.right, 0);
      const beyond = Math.hypot(outsideX, outsideY) / size - MARGIN;
      const t = Math.max(0, Math.min(1, 1 - beyond / SOFTNESS));
      mask[y * width + x] = t * t * (3 - 2 * t);
    }
  }
  return mask;
}
