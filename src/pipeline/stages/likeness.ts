import type { DetectedFace, PixelImage } from '../../domain/image.ts';
import { detectFaces, type DetectionContext } from './face-detection.ts';
import { cosine, embedFace } from './face-embedding.ts';

export interface Likeness {
  /** Cosine between the reference's embedding and that of the result's largest face, −1..1; null: no face found. */
  readonly likeness: number | null;
  readonly face: DetectedFace | null;
}

/** Looks for the person in a finished picture. Without a reference embedding only the face is found. */
export async function scoreLikeness(
  context: DetectionContext,
  image: PixelImage,
  reference: Float32Array | null,
): Promise<Likeness> {
  if (!context.bundle.manifest.face.detector) return { likeness: null, face: null };
  const [face] = await detectFaces(context, image);
  if (!face) return { likeness: null, face: null };
  if (reference === null || !context.bundle.manifest.face.encoder) return { likeness: null, face };
  return { likeness: cosine(reference, await embedFace(context, image, face)), face };
}
