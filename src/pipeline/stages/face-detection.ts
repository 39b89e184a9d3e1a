import type { BundleManifest } from '../../bundle/manifest.ts';
import type { ModelBundle } from '../../bundle/open-bundle.ts';
import { AppError } from '../../domain/errors.ts';
import type { DetectedFace, PixelImage } from '../../domain/image.ts';
import type { SessionRunner } from '../../domain/ports.ts';
import type { Tensor } from '../../domain/tensor.ts';
import { throwIfCancelled } from '../cancellation.ts';
import { flattenAlpha } from '../image/flatten-alpha.ts';
import { fitInside, letterbox } from '../image/letterbox.ts';
import { scaleBox, scalePoints } from '../image/region.ts';
import { readFloats } from '../tensor-reading.ts';
import { decodeHeatmap } from './decode-heatmap.ts';
import { decodeYunet, YUNET_STRIDES } from './decode-yunet.ts';
import { boxArea, suppressOverlaps } from './suppress-overlaps.ts';

type DetectorSpec = NonNullable<BundleManifest['face']['detector']>;

export interface DetectionContext {
  readonly bundle: Pick<ModelBundle, 'manifest'>;
  readonly runner: SessionRunner;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The faces of a picture by descending box area, in its pixels. The picture is looked at in every scale that the manifest
 * names (detectors miss faces much larger than those they learnt), and the findings are merged.
 * Throws AppError `bundle-invalid` when the bundle has no detector, and what the runner throws.
 */
export async function detectFaces(context: DetectionContext, picture: PixelImage): Promise<DetectedFace[]> {
  const spec = context.bundle.manifest.face.detector;
  if (!spec) {
    const { id } = context.bundle.manifest;
    throw new AppError('bundle-invalid', `The bundle ${id} has no face detector; place the face by hand (facePoints).`);
  }
  // Shrunk to the detector's input once: the smaller looks are made from that, not from a large picture again.
  const { image, scale: shrunk } = fitInside(flattenAlpha(picture), spec.input);
  const candidates: DetectedFace[] = [];
  for (const share of spec.scales) {
    throwIfCancelled(context.signal);
    const { input, scale: inner } = letterbox(image, spec.input, share);
    const scale = shrunk * inner;
    const outputs = await context.runner.run('faceDetector', { image: input });
    for (const face of await decode(context.runner, spec, outputs)) {
      candidates.push({ ...face, box: scaleBox(face.box, 1 / scale), points: scalePoints(face.points, 1 / scale) });
    }
  }
  return suppressOverlaps(candidates, spec.nmsIou).sort((a, b) => boxArea(b.box) - boxArea(a.box));
}

/** Faces in pixels of the network's input. */
async function decode(
  runner: SessionRunner,
  spec: DetectorSpec,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<DetectedFace[]> {
  const read = (name: string) => readFloats(runner, 'faceDetector', outputs, name);
  if (spec.decode === 'heatmap') {
    const { data: heatmap, dims } = await read('heatmap');
    const rows = dims[2]!;
    const columns = dims[3]!;
    const box = (await read('box')).data;
    const landmarks = (await read('landmarks')).data;
    const stride = spec.input.width / columns;
    return decodeHeatmap({ heatmap, box, landmarks, rows, columns, stride }, spec.scoreThreshold);
  }
  const faces: DetectedFace[] = [];
  for (const stride of YUNET_STRIDES) {
    const cls = (await read(`cls_${stride}`)).data;
    const obj = (await read(`obj_${stride}`)).data;
    const bbox = (await read(`bbox_${stride}`)).data;
    const kps = (await read(`kps_${stride}`)).data;
    const columns = Math.ceil(spec.input.width / stride);
    faces.push(...decodeYunet({ stride, columns, cls, obj, bbox, kps }, spec.scoreThreshold));
  }
  return faces;
}
