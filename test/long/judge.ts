/**
 * The judge of models/starter/judge.py: a second face encoder that had no part in training. It sees the face as the
 * product's detector finds it, aligned by the ArcFace template scaled to its own input (least squares in the picture, as
 * `align` of models/starter/face_data.py does).
 */
import * as ort from 'onnxruntime-node';
import type { ModelBundle } from '../../src/bundle/open-bundle.ts';
import type { PixelImage } from '../../src/domain/image.ts';
import type { SessionRunner } from '../../src/domain/ports.ts';
import { imageToTensor, SIGNED_UNIT } from '../../src/pipeline/image/image-tensor.ts';
import { alignedCrop } from '../../src/pipeline/stages/face-alignment.ts';
import { detectFaces } from '../../src/pipeline/stages/face-detection.ts';

/** Side of the judge's input in pixels. */
const SIDE = 96;

export interface Judge {
  /** Embedding of length 1 of the largest face; null where none is found. */
  read(picture: PixelImage): Promise<Float32Array | null>;
  close(): Promise<void>;
}

export async function openJudge(path: string, bundle: ModelBundle, runner: SessionRunner): Promise<Judge> {
  const session = await ort.InferenceSession.create(path);
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  return {
    async read(picture) {
      const [face] = await detectFaces({ bundle, runner }, picture);
      if (!face) return null;
      const crop = imageToTensor(alignedCrop(picture, face.points, SIDE, 'picture'), SIGNED_UNIT);
      const results = await session.run({ [input!]: new ort.Tensor('float32', crop.data, crop.dims) });
      const raw = results[output!]!.data as Float32Array;
      const length = Math.hypot(...raw);
      return raw.map((value) => value / length);
    },
    close: () => session.release(),
  };
}
