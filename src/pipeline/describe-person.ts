/** One person from one or more faces: what the conditioner is told, and what likeness is measured by. */
import type { PixelImage, DetectedFace } from '../domain/image.ts';
import { concatenate } from '../domain/tensor.ts';
import type { Run } from './run.ts';
import { embedFace, meanEmbedding } from './stages/face-embedding.ts';
import { encodeFaceImage, encodeNoFace } from './stages/face-tokens.ts';

export interface Person {
  /** Unit vector for likeness; null where the bundle has no face encoder. */
  readonly embedding: Float32Array | null;
  /** What the conditioner is told: the embedding or, where the bundle sees faces as images, all faces' tokens in turn. */
  readonly told: Float32Array;
}

/** One face, described by every way the bundle has. */
export async function describeFace(run: Run, image: PixelImage, face: DetectedFace): Promise<Person> {
  const { encoder, image: input } = run.bundle.manifest.face;
  if (!input) {
    const embedding = await embedFace(run, image, face);
    return { embedding, told: embedding };
  }
  const embedding = encoder ? await embedFace(run, image, face) : null;
  return { embedding, told: await encodeFaceImage(run, image, face) };
}

/** Embeddings are averaged; tokens of several pictures stand side by side, as in the reference (diffusers 0.42). */
export function combineFaces(run: Run, faces: readonly Person[]): Person {
  const embeddings = faces.flatMap(({ embedding }) => embedding ?? []);
  const embedding = embeddings.length > 0 ? meanEmbedding(embeddings) : null;
  if (embedding && !run.bundle.manifest.face.image) return { embedding, told: embedding };
  return { embedding, told: concatenate(faces.map(({ told }) => told)) };
}

/**
 * What stands in for a face where there is none, as long as the description of `pictures` faces. With `seen`, a CLIP
 * bundle looks at an empty image; otherwise (its face scale is 0 then) any numbers do.
 */
export async function describeNobody(run: Run, pictures: number, seen: boolean): Promise<Float32Array> {
  const { face, text } = run.bundle.manifest;
  if (!face.image) return new Float32Array(face.embedding ?? 0);
  const tokens = seen ? await encodeNoFace(run) : new Float32Array(face.tokens * text.width);
  return concatenate(new Array<Float32Array>(pictures).fill(tokens));
}
