import type { DetectedFace, PixelImage } from '../domain/image.ts';
import type { Adjustment } from '../domain/request.ts';
import { centreOf, coverRegion } from './image/region.ts';
import { resampleRegion } from './image/resample.ts';
import { faceCutAdjustments } from './reference.ts';

/**
 * A rendering at exactly the asked size: as it is where it has that size, otherwise cover-cropped around the face found in
 * it (else around its middle) and resampled. Never stretched.
 */
export function finishImage(
  image: PixelImage,
  face: DetectedFace | null,
  width: number,
  height: number,
): { readonly finished: PixelImage; readonly adjustments: readonly Adjustment[] } {
  if (image.width === width && image.height === height) return { finished: image, adjustments: [] };
  const centre = face ? centreOf(face.box) : { x: image.width / 2, y: image.height / 2 };
  const region = coverRegion(image.width, image.height, width / height, centre);
  return {
    finished: resampleRegion(image, region, width, height),
    adjustments: face ? faceCutAdjustments(image, face, region) : [],
  };
}
