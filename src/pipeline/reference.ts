import { AppError } from '../domain/errors.ts';
import type { DetectedFace, PixelImage } from '../domain/image.ts';
import type { Adjustment, GenerationRequest } from '../domain/request.ts';
import { flattenAlpha } from './image/flatten-alpha.ts';
import { padByReflection } from './image/pad.ts';
import { centreOf, coverRegion, scaleBox, scalePoints, visibleShare, type Region } from './image/region.ts';
import { resample, resampleRegion } from './image/resample.ts';
import type { RenderSize } from './render-size.ts';
import { boxFromPoints } from './stages/face-alignment.ts';
import { detectFaces, type DetectionContext } from './stages/face-detection.ts';

/** The longest side of a reference; larger ones are scaled down (as the hosted API does). */
export const LONGEST_REFERENCE = 1536;
/** Less than this of the face box inside the crop is told. */
const WHOLE = 0.995;

/** A reference picture, opaque and at most LONGEST_REFERENCE long. */
export interface PreparedReference {
  readonly image: PixelImage;
  /** Its pixels per pixel of the picture that was given, ≤ 1. */
  readonly scale: number;
}

/** Puts transparency on white and scales what is longer than LONGEST_REFERENCE down, aspect kept. */
export function prepareReference(picture: PixelImage): PreparedReference {
  const opaque = flattenAlpha(picture);
  const scale = Math.min(1, LONGEST_REFERENCE / Math.max(picture.width, picture.height));
  if (scale === 1) return { image: opaque, scale };
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  return { image: resample(opaque, width, height), scale };
}

/** Tells that a reference was scaled down. */
export function scaledDownAdjustment(picture: PixelImage, { image }: PreparedReference): Adjustment {
  return {
    field: 'image',
    from: [picture.width, picture.height],
    to: [image.width, image.height],
    reason: 'reference-scaled-down',
  };
}

/** The faces of a reference in its prepared pixels, and which one is meant (−1: none, allowed without conditioning). */
export interface ChosenFace {
  readonly faces: readonly DetectedFace[];
  readonly chosen: number;
}

/**
 * A face placed by hand is taken as it is; otherwise the one asked for, or the largest.
 * Throws AppError `no-face`, or `invalid-request` when there are fewer faces than `faceIndex` says or all points placed
 * by hand lie outside the picture.
 */
export async function chooseFace(
  context: DetectionContext,
  { image, scale }: PreparedReference,
  {
    facePoints,
    faceIndex,
    faceStrength,
    keepBackground,
  }: Pick<GenerationRequest, 'facePoints' | 'faceIndex' | 'faceStrength' | 'keepBackground'>,
): Promise<ChosenFace> {
  if (facePoints) {
    const points = scalePoints(facePoints, scale);
    if (!points.some(({ x, y }) => x >= 0 && y >= 0 && x <= image.width && y <= image.height)) {
      const expected = `points inside the picture, which has ${Math.round(image.width / scale)} × ${Math.round(image.height / scale)} pixels`;
      throw new AppError('invalid-request', `facePoints must be ${expected}.`, {
        details: { problems: [{ field: 'facePoints', expected }] },
      });
    }
    return { faces: [{ points, box: boxFromPoints(points), score: 1 }], chosen: 0 };
  }
  // Without a face there is no telling what is background.
  const needed = faceStrength > 0 || keepBackground;
  if (!needed && !context.bundle.manifest.face.detector) return { faces: [], chosen: -1 };
  const faces = await detectFaces(context, image);
  if (faces.length === 0) {
    if (!needed) return { faces, chosen: -1 };
    throw new AppError(
      'no-face',
      'No face was found in the reference picture; use a clearer one or place the face by hand.',
    );
  }
  const chosen = faceIndex ?? 0;
  if (chosen >= faces.length) {
    const expected = `a whole number from 0 to ${faces.length - 1}, because ${faces.length} face(s) were found`;
    throw new AppError('invalid-request', `faceIndex must be ${expected}.`, {
      details: { problems: [{ field: 'faceIndex', expected }], found: faces.length },
    });
  }
  return { faces, chosen };
}

/** Faces in pixels of the picture that was given. */
export function inGivenPixels(faces: readonly DetectedFace[], scale: number): DetectedFace[] {
  return faces.map((face) => ({
    ...face,
    box: scaleBox(face.box, 1 / scale),
    points: scalePoints(face.points, 1 / scale),
  }));
}

/** The part of the reference that fills the answer, and that part as the encoder takes it. */
export interface FittedReference {
  readonly region: Region;
  /** `workWidth`×`workHeight`: the region at render size, padded by reflection. Made on demand: pure noise needs none. */
  readonly draw: () => PixelImage;
  readonly adjustments: readonly Adjustment[];
}

/** Cover-crop to the rendered aspect, centred on the face as far as the picture allows. Never stretched. */
export function fitReference(image: PixelImage, face: DetectedFace | null, size: RenderSize): FittedReference {
  const centre = face ? centreOf(face.box) : { x: image.width / 2, y: image.height / 2 };
  const region = coverRegion(image.width, image.height, size.width / size.height, centre);
  const draw = (): PixelImage =>
    padByReflection(resampleRegion(image, region, size.width, size.height), size.workWidth, size.workHeight);
  const adjustments = face ? faceCutAdjustments(image, face, region) : [];
  return { region, draw, adjustments };
}

/** A face that lies partly outside `region`: from 1 (all of what the picture shows) to the share that stays. */
export function faceCutAdjustments(
  image: Pick<PixelImage, 'width' | 'height'>,
  { box }: DetectedFace,
  region: Region,
): Adjustment[] {
  const inPicture = {
    left: Math.max(0, box.left),
    top: Math.max(0, box.top),
    right: Math.min(image.width, box.right),
    bottom: Math.min(image.height, box.bottom),
  };
  const share = visibleShare(inPicture, region);
  if (share >= WHOLE) return [];
  return [{ field: 'image', from: 1, to: Math.round(share * 100) / 100, reason: 'face-cut-by-crop' }];
}
