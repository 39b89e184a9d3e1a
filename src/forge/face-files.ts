/** The face's part of a checkpoint: given file by file, or lying in the base folder as our own training saves it. */
import * as v from 'valibot';
import { readFaceAdapter, type FaceAdapter } from './face-adapter.ts';
import {
  describeDetector,
  describeEncoder,
  detectorSchema,
  encoderSchema,
  type DetectorSettings,
  type EncoderSettings,
} from './face-onnx.ts';
import { openConfig, openFolderWeights, type CheckpointFolder, type FileOpener } from './folder-files.ts';
import { openOnnxFile } from './onnx-file.ts';
import { openWeights } from './open-weights.ts';
import type { Problems } from './problems.ts';
import type { RandomAccess } from './random-access.ts';

/** Beside an adapter of our own training. */
const adapterSchema = v.object({
  embedding: v.number(),
  tokens: v.number(),
  /** SHA-256 of the face encoder. */
  trained_with: v.optional(v.string()),
});

export interface OpenedAdapter {
  readonly adapter: FaceAdapter | undefined;
  /** SHA-256 of the face encoder that it was trained with, where that is known. */
  readonly trainedWith: string | undefined;
}

/** `textWidth`: of the base; undefined when that is broken itself. */
export async function openAdapter(
  given: FileOpener | undefined,
  base: CheckpointFolder,
  textWidth: number | undefined,
  problems: Problems,
): Promise<OpenedAdapter> {
  if (given !== undefined) {
    const adapter = await problems.collect(async () => {
      const weights = await openWeights(await given());
      return textWidth === undefined ? undefined : readFaceAdapter(weights, textWidth);
    });
    return { adapter, trainedWith: undefined };
  }
  if ((await base.open('face_adapter/config.json')) === undefined) {
    problems.missing('--adapter FILE', 'give an IP-Adapter for this base, e.g. ip-adapter-faceid_sd15.bin');
    return { adapter: undefined, trainedWith: undefined };
  }
  const config = await openConfig(base, 'face_adapter/config.json', adapterSchema, problems);
  const weights = await problems.collect(() => openFolderWeights(base, 'face_adapter/', 'transformers'));
  // Its own config says what it is, so that ill-fitting tensors can be told one by one.
  const adapter: FaceAdapter | undefined = weights &&
    config && { route: 'face-id', weights, input: config.embedding, tokens: config.tokens, hasLora: false };
  return { adapter, trainedWith: config?.trained_with };
}

export interface OnnxPart<Settings> {
  readonly settings: Settings;
  readonly file: RandomAccess;
}

/** undefined where there is none, or a broken one (which is a problem then). */
export async function openDetector(
  given: FileOpener | undefined,
  base: CheckpointFolder,
  problems: Problems,
): Promise<OnnxPart<DetectorSettings> | undefined> {
  if (given === undefined) return openOwn(base, 'face_detector', detectorSchema, problems);
  return problems.collect(async () => {
    const onnx = await openOnnxFile(await given());
    return { settings: describeDetector(onnx), file: onnx.source };
  });
}

/** `embedding`: what the adapter takes; undefined when that is broken itself. */
export async function openFaceEncoder(
  given: FileOpener | undefined,
  base: CheckpointFolder,
  embedding: number | undefined,
  problems: Problems,
): Promise<OnnxPart<EncoderSettings> | undefined> {
  if (given === undefined) {
    const own = await openOwn(base, 'face_encoder', encoderSchema, problems);
    if (own && embedding !== undefined && own.settings.embedding !== embedding) {
      problems.weights(
        `face_adapter and face_encoder are no pair: the encoder gives ${own.settings.embedding} numbers, the adapter takes ${embedding}`,
      );
    }
    return own;
  }
  return problems.collect(async () => {
    const onnx = await openOnnxFile(await given());
    return { settings: describeEncoder(onnx, embedding), file: onnx.source };
  });
}

/** A face network of our own training: its config says what its graph cannot. */
async function openOwn<const S extends v.GenericSchema>(
  base: CheckpointFolder,
  name: string,
  schema: S,
  problems: Problems,
): Promise<OnnxPart<v.InferOutput<S>> | undefined> {
  const [config, file] = [await base.open(`${name}/config.json`), await base.open(`${name}/model.onnx`)];
  if (config === undefined && file === undefined) return undefined;
  if (file === undefined) problems.missing(`${name}/model.onnx`);
  const settings = await openConfig(base, `${name}/config.json`, schema, problems);
  return settings === undefined || file === undefined ? undefined : { settings, file };
}
