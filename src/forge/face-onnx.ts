/** The two face networks that come as ONNX files: told apart and described by their inputs and outputs alone. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { ONNX_FLOAT, type OnnxFile, type OnnxValueInfo } from './onnx-file.ts';

export type DetectorSettings = NonNullable<BundleManifest['face']['detector']>;
export type EncoderSettings = v.InferOutput<typeof encoderSchema>;

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const perChannel = v.union([v.number(), v.tuple([v.number(), v.number(), v.number()])]);
const pixels = { mean: perChannel, std: perChannel, order: v.picklist(['rgb', 'bgr']) };

/** config.json beside a detector of our own training. */
export const detectorSchema = v.object({
  decode: v.picklist(['heatmap', 'yunet']),
  input: v.object({ ...pixels, width: positive, height: positive }),
  scoreThreshold: share,
  nmsIou: share,
  scales: v.array(v.number()),
});

/** config.json beside an encoder of our own training. */
export const encoderSchema = v.object({
  embedding: positive,
  template: v.picklist(['arcface-112']),
  fit: v.optional(v.picklist(['crop', 'picture'])),
  input: v.object({ ...pixels, size: positive }),
});

const STRIDES = [8, 16, 32] as const;
/** Values per cell of YuNet's outputs (opencv `modules/objdetect/src/face_detect.cpp`). */
const YUNET_OUTPUTS = { cls: 1, obj: 1, bbox: 4, kps: 10 } as const;
/** The size that opencv_zoo's file has; for one that leaves it open. */
const YUNET_SIDE = 640;

const USE_YUNET = 'use YuNet (face_detection_yunet_2023mar.onnx of opencv_zoo)';
const USE_ARCFACE = 'use the recogniser that the adapter was trained with (FaceID: w600k_r50.onnx of buffalo_l)';

/**
 * YuNet by its twelve outputs. Thresholds are those of opencv_zoo's yunet.py; the second, smaller look finds close-ups,
 * which are larger than the faces it learnt (10 to 300 pixels). Throws AppError `weights-invalid` for another network.
 */
export function describeDetector(file: OnnxFile): DetectorSettings {
  const outputs = new Map(file.outputs.map((output) => [output.name, output]));
  const wanted = Object.keys(YUNET_OUTPUTS).flatMap((kind) => STRIDES.map((stride) => `${kind}_${stride}`));
  const missing = wanted.filter((output) => !outputs.has(output));
  if (missing.length > 0) {
    throw refused(file, `is no YuNet face detector: it has no outputs ${missing.join(', ')}`, USE_YUNET);
  }
  const image = onlyImage(file);
  if (image === undefined) throw refused(file, 'does not take one f32 image [1, 3, height, width]', USE_YUNET);
  const [height, width] = [image.height ?? YUNET_SIDE, image.width ?? YUNET_SIDE];
  for (const [kind, values] of Object.entries(YUNET_OUTPUTS)) {
    for (const stride of STRIDES) {
      const { dims } = outputs.get(`${kind}_${stride}`)!;
      const cells = Math.ceil(height / stride) * Math.ceil(width / stride);
      const fits = dims.length === 3 && [1, cells, values].every((size, i) => dims[i] === null || dims[i] === size);
      if (fits) continue;
      throw refused(file, `gives ${kind}_${stride} ${shown(dims)} instead of [1, ${cells}, ${values}]`, USE_YUNET);
    }
  }
  return {
    decode: 'yunet',
    input: { mean: 0, std: 1, order: 'bgr', width, height },
    scoreThreshold: 0.6,
    nmsIou: 0.3,
    scales: [1, 0.5],
  };
}

/** insightface looks for a normalisation inside the graph among this many first nodes. */
const FIRST_NODES = 8;

/**
 * A recogniser of the ArcFace kind: one aligned 112 × 112 crop in, one vector out. Pixels are RGB (x − 127.5) / 127.5
 * unless the graph itself begins with subtracting and multiplying (insightface `arcface_onnx.py`).
 * Throws AppError `weights-invalid` for another network.
 *
 * @param embedding what the adapter takes; undefined when it takes no embedding
 */
export function describeEncoder(file: OnnxFile, embedding: number | undefined): EncoderSettings {
  const refuse = (what: string): AppError => refused(file, what, USE_ARCFACE);
  const image = onlyImage(file);
  if (image === undefined) throw refuse('does not take one f32 image [1, 3, height, width]');
  const size = image.height ?? image.width ?? 112;
  if ((image.width ?? size) !== size) throw refuse(`takes ${image.width} × ${image.height} pixels, not a square`);
  const [output, ...more] = file.outputs;
  if (output === undefined || more.length > 0 || output.dims.length !== 2) {
    const found = file.outputs.map(({ name, dims }) => `${name} ${shown(dims)}`).join(', ');
    throw refuse(`has the outputs ${found || '(none)'}, not one vector`);
  }
  const length = output.dims.at(-1) ?? embedding;
  if (length === undefined) throw refuse('does not say how long its vector is');
  if (embedding !== undefined && length !== embedding) {
    throw refuse(`gives ${length} numbers, but the adapter takes ${embedding}`);
  }
  const first = file.nodes.slice(0, FIRST_NODES);
  const inside = first.some(({ op }) => op === 'Sub') && first.some(({ op }) => op === 'Mul');
  const range = inside ? { mean: 0, std: 1 } : { mean: 127.5, std: 127.5 };
  return { input: { ...range, order: 'rgb', size }, template: 'arcface-112', embedding: length };
}

/** The one input, when it is an f32 picture of three channels. */
function onlyImage({ inputs }: OnnxFile): { height: number | null; width: number | null } | undefined {
  const [input, ...more]: readonly OnnxValueInfo[] = inputs;
  if (input === undefined || more.length > 0 || input.type !== ONNX_FLOAT || input.dims.length !== 4) return undefined;
  const [, channels, height = null, width = null] = input.dims;
  return channels === 3 || channels === null ? { height, width } : undefined;
}

function shown(dims: readonly (number | null)[]): string {
  return `[${dims.map((size) => size ?? '?').join(', ')}]`;
}

function refused({ source }: OnnxFile, what: string, use: string): AppError {
  return new AppError('weights-invalid', `${source.name} ${what}; ${use}.`, { details: { file: source.name } });
}
