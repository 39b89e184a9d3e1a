import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { BundleFiles, Role } from '../domain/ports.ts';
import { checkConsistency } from './consistency.ts';
import { checkFileList } from './integrity.ts';
import { manifestSchema, type BundleManifest } from './manifest.ts';
import { tensorIndexSchema, type TensorIndex } from './weight-index.ts';

/** One opened model: what it is, where its tensors lie, and its files. */
export interface ModelBundle {
  readonly manifest: BundleManifest;
  readonly tensors: Readonly<Partial<Record<Role, TensorIndex>>>;
  readonly files: BundleFiles;
}

/**
 * Reads and validates `bundle.json` and the weight index.
 * Throws AppError `bundle-invalid` naming every bad field, `bundle-missing-file` when a file is absent.
 */
export async function openBundle(files: BundleFiles): Promise<ModelBundle> {
  const manifest = parseManifest(await readJson(files, 'bundle.json'));
  const index = v.safeParse(v.record(v.string(), tensorIndexSchema), await readJson(files, manifest.weightIndex));
  if (!index.success) throw invalid(manifest.weightIndex, index.issues);
  requireRoles(manifest);
  requireTrainedEncoder(manifest);
  return { manifest, tensors: index.output, files };
}

/**
 * Validates the JSON of a `bundle.json`, what its numbers say together and its list of files included.
 * Throws AppError `bundle-invalid`.
 */
export function parseManifest(json: unknown): BundleManifest {
  const format = (json as { format?: unknown } | null)?.format;
  if (format !== 1) {
    throw new AppError(
      'bundle-invalid',
      `bundle.json: format ${String(format)} is not known; this version reads format 1. Update the app or rebuild the bundle.`,
    );
  }
  const result = v.safeParse(manifestSchema, json);
  if (!result.success) throw invalid('bundle.json', result.issues);
  checkConsistency(result.output);
  checkFileList(result.output.files);
  return result.output;
}

/** The roles without which no image can be made. */
function requireRoles(manifest: BundleManifest): void {
  const missing = (['textEncoder', 'conditioner', 'denoiser', 'latentEncoder', 'latentDecoder'] as const).filter(
    (role) => manifest.networks[role] === undefined,
  );
  if (missing.length > 0)
    throw new AppError('bundle-invalid', `bundle.json: networks.${missing.join(', networks.')} missing`);
}

/** With another face encoder than the adapter was trained with, the face would be wrong without any error. */
function requireTrainedEncoder({ face, files, networks }: BundleManifest): void {
  const encoder = networks.faceEncoder;
  if (face.encoderSha256 === undefined || encoder === undefined || !('onnx' in encoder)) return;
  const file = files.find(({ path }) => path === encoder.onnx);
  if (file === undefined || file.sha256 === face.encoderSha256) return;
  throw new AppError(
    'bundle-invalid',
    `bundle.json: ${encoder.onnx} is not the face encoder that the adapter was trained with; compile the bundle again.`,
    { details: { file: 'bundle.json', fields: ['face.encoderSha256'] } },
  );
}

async function readJson(files: BundleFiles, path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await files.read(path));
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError('bundle-invalid', `${path} is not JSON; the file is damaged or is another file.`, { cause });
  }
}

function invalid(path: string, issues: readonly v.BaseIssue<unknown>[]): AppError {
  const fields = issues.map((issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
  return new AppError('bundle-invalid', `${path}: ${fields.join('; ')}`, { details: { file: path, fields } });
}
