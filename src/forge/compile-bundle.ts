/** The forge's table of contents: a checkpoint folder goes in, a bundle comes out. */
import { AppError } from '../domain/errors.ts';
import type { Role } from '../domain/ports.ts';
import { sha256Hex, type BundleFile } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { parseManifest } from '../bundle/open-bundle.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { openCheckpoint, type CheckpointFolder } from './checkpoint-folder.ts';
import { describeBundle, requirePair } from './describe-bundle.ts';
import { FileWriter, type ForgeOutput } from './file-writer.ts';
import { checkParts, networkParts, type CheckNetwork, type NetworkPart } from './network-parts.ts';
import { readAll } from './random-access.ts';
import { chooseStorage, type Precision } from './storage-plan.ts';
import { WeightWriter, type WrittenWeights } from './weight-writer.ts';

export interface CompileProgress {
  readonly role: Role;
  readonly tensor: number;
  readonly tensors: number;
}

export interface CompileOptions {
  readonly folder: CheckpointFolder;
  readonly output: ForgeOutput;
  readonly precision: Precision;
  /** Tells what keeps a network from being built of these tensors. */
  readonly checkNetwork: CheckNetwork;
  readonly onProgress?: (progress: CompileProgress) => void;
}

/**
 * Writes weights/*.bin, weights.json, tokenizer.json, face_detector.onnx, face_encoder.onnx and, last, bundle.json.
 * Throws AppError `bundle-missing-file`, `bundle-invalid`, `weights-invalid` before anything is written where it can be
 * known by then; what was written before a later failure is the caller's to remove.
 */
export async function compileBundle(options: CompileOptions): Promise<BundleManifest> {
  const { output } = options;
  const checkpoint = await openCheckpoint(options.folder);
  const parts = networkParts(checkpoint);
  checkParts(parts, options.checkNetwork);
  const { configs, copies } = checkpoint;
  const faceEncoder = await readAll(copies.faceEncoder);
  const encoderSha256 = await sha256Hex(faceEncoder);
  requirePair(configs, encoderSha256);

  const files: BundleFile[] = [];
  const index: Partial<Record<Role, TensorIndex>> = {};
  let tensor = 0;
  const tensors = parts.reduce((sum, part) => sum + part.tensors.size, 0);
  for (const part of parts) {
    const report = (): void => options.onProgress?.({ role: part.role, tensor: ++tensor, tensors });
    const written = await writeWeights(part, output, options.precision, report);
    const problems = options.checkNetwork({ role: part.role, ...part.spec }, written.index);
    if (problems.length > 0)
      throw new AppError('internal', `The forge stored ${part.role} wrongly: ${problems.join('; ')}`);
    files.push(...written.files);
    index[part.role] = written.index;
  }

  files.push(await writeFile('weights.json', jsonBytes(index), output));
  files.push(await writeFile('tokenizer.json', await readAll(copies.tokenizer), output));
  files.push(await writeFile('face_detector.onnx', await readAll(copies.faceDetector), output));
  files.push(await writeFile('face_encoder.onnx', faceEncoder, output));

  const manifest = parseManifest(describeBundle(configs, parts, files, encoderSha256));
  await output.append('bundle.json', jsonBytes(manifest));
  return manifest;
}

async function writeWeights(
  part: NetworkPart,
  output: ForgeOutput,
  precision: Precision,
  report: () => void,
): Promise<WrittenWeights> {
  const writer = new WeightWriter(`weights/${fileName(part.role)}.bin`, output);
  for (const [name, { source, name: nameInSource, dims }] of part.tensors) {
    const values = await source.read(nameInSource);
    await writer.add(name, values, dims, chooseStorage(part.role, name, dims, precision));
    report();
  }
  return writer.finish();
}

/** latentEncoder → latent_encoder. */
function fileName(role: Role): string {
  return role.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

async function writeFile(path: string, bytes: Uint8Array, output: ForgeOutput): Promise<BundleFile> {
  const writer = new FileWriter(path, output);
  await writer.append(bytes);
  return writer.finish();
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
