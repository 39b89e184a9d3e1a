/** The forge's table of contents: a published checkpoint goes in, a bundle comes out. */
import { AppError } from '../domain/errors.ts';
import type { MatMul, Role } from '../domain/ports.ts';
import type { BundleFile } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { parseManifest } from '../bundle/open-bundle.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { openCheckpoint, type Checkpoint, type CheckpointInputs } from './checkpoint-folder.ts';
import { BUNDLE_PATHS, describeBundle } from './describe-bundle.ts';
import { foldCheckpoint, openLoras, type FoldWishes, type LoraInput } from './fold-checkpoint.ts';
import { FileWriter, type ForgeOutput } from './file-writer.ts';
import { deriveCard, type CardWishes, type ModelCard } from './model-card.ts';
import { checkParts, networkParts, type CheckNetwork, type NetworkPart } from './network-parts.ts';
import { Problems } from './problems.ts';
import { summarise, type QuantisationReport } from './quantisation-report.ts';
import type { RandomAccess } from './random-access.ts';
import { isStandIn, schedulerKind, type SchedulerKind } from './scheduler-config.ts';
import { chooseStorage, type Precision } from './storage-plan.ts';
import { WeightWriter, type RowReader } from './weight-writer.ts';

export interface CompileProgress {
  readonly role: Role;
  readonly tensor: number;
  readonly tensors: number;
}

export interface CompileOptions {
  readonly inputs: CheckpointInputs;
  readonly loras?: readonly LoraInput[] | undefined;
  readonly fold?: FoldWishes;
  /** Products of the LoRAs' factors; default: in TypeScript. */
  readonly matMul?: MatMul;
  /** How many of the text encoder's last layers are left out; default none. */
  readonly clipSkip?: number | undefined;
  /** For a base without a card of its own. */
  readonly card?: CardWishes;
  readonly output: ForgeOutput;
  readonly precision: Precision;
  /** Tells what keeps a network from being built of these tensors. */
  readonly checkNetwork: CheckNetwork;
  readonly onProgress?: (progress: CompileProgress) => void;
  /** Sentences about what was decided for want of being told. */
  readonly onNotice?: (notice: string) => void;
  /** How far the stored weights are from the originals, layer by layer. */
  readonly onReport?: (report: QuantisationReport) => void;
}

/** Bytes of a file that are in memory at once while it is copied. */
const COPY_BYTES = 4 * 1024 * 1024;

/**
 * Writes weights/*.bin, weights.json, tokenizer.json, the face networks there are and, last, bundle.json. One tensor at a
 * time is in memory.
 *
 * Throws AppError `bundle-missing-file`, `bundle-invalid` or `weights-invalid` with everything that is wrong, before
 * anything is written where it can be known by then (values that are NaN or of no float type are met on the way); what was
 * written before a later failure is the caller's to remove.
 */
export async function compileBundle(options: CompileOptions): Promise<BundleManifest> {
  const { inputs, output } = options;
  const problems = new Problems(inputs.base.name);
  const opened = await openCheckpoint(inputs, problems);
  const loras = await openLoras(options.loras ?? [], problems);
  if (opened === undefined) throw problems.asError();
  const notice = (text: string): void => options.onNotice?.(text);
  const { fold = {}, matMul } = options;
  const checkpoint = await foldCheckpoint(opened, loras, { ...fold, ...(matMul && { matMul }) }, problems, notice);
  const parts = networkParts(checkpoint, options.clipSkip);
  await checkParts(parts, options.checkNetwork, problems);
  const encoderSha256 = await checkEncoder(checkpoint, output, problems);
  problems.throwIfAny();
  const { card, kind } = completeCard(checkpoint, options, notice);

  const written = await writeNetworks(parts, options, problems);
  problems.throwIfAny();
  const { faceDetector, faceEncoder, tokenizer, weightIndex } = BUNDLE_PATHS;
  const files = [...written.files];
  files.push(await writeBytes(weightIndex, jsonBytes(written.index), output));
  files.push(await writeBytes(tokenizer, checkpoint.tokenizer.json, output));
  if (checkpoint.detector) files.push(await copyFile(faceDetector, checkpoint.detector.file, output));
  if (checkpoint.faceEncoder) files.push(await copyFile(faceEncoder, checkpoint.faceEncoder.file, output));

  options.onReport?.(written.report);
  // The starter's manifest keeps its bytes; `--report` tells its rounding.
  const quality = checkpoint.card === undefined ? { quantisation: summarise(written.report) } : undefined;
  const manifest = parseManifest(describeBundle({ checkpoint, card, kind, parts, files, encoderSha256, quality }));
  await output.append('bundle.json', jsonBytes(manifest));
  return manifest;
}

/** LCM-LoRA files hold nothing that tells them from other LoRAs; their folder or file name does. */
const LCM_NAME = /(^|[^a-z])lcm([^a-z]|$)/i;

/** Last part of a path, of either system. */
function fileNameOf(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

/** The checkpoint's own card, or one that follows from its files. */
function completeCard(
  { card, name, scheduler, unet, autoencoder, ...face }: Checkpoint,
  { inputs, loras: folded = [], card: wishes = {} }: CompileOptions,
  notice: (text: string) => void,
): { card: ModelCard; kind: SchedulerKind } {
  const loras = folded.map((lora) => lora.name);
  const distilled = loras.find((lora) => LCM_NAME.test(lora));
  const kind = wishes.scheduler ?? (distilled === undefined ? schedulerKind(scheduler) : 'lcm');
  if (wishes.scheduler === undefined && distilled !== undefined) {
    notice(`${distilled} is an LCM-LoRA by its name, so the sampler is lcm.`);
  } else if (wishes.scheduler === undefined && isStandIn(scheduler)) {
    notice(`The base's sampler, ${scheduler._class_name}, is not built; ${kind} stands in for it.`);
  }
  if (card !== undefined) return { card, kind };
  const parts = ['base', 'adapter', ...loras.map((lora) => `lora ${fileNameOf(lora)}`)];
  if (inputs.autoencoder !== undefined) parts.push('autoencoder');
  if (face.imageEncoder !== undefined) parts.push('image-encoder');
  if (face.detector !== undefined) parts.push('detector');
  if (face.faceEncoder !== undefined) parts.push('face-encoder');
  const derived = deriveCard(
    {
      name: fileNameOf(name),
      scheduler: kind,
      sampleSize: unet.facts.sample_size ?? 64,
      latentChannels: autoencoder.latentChannels,
      downscale: autoencoder.downscale,
      parts,
    },
    wishes,
  );
  const unknown = derived.licences.filter((licence) => licence.name === 'unknown').map(({ part }) => part);
  if (unknown.length > 0) {
    notice(`The licence of ${unknown.join(', ')} is unknown, so the bundle says: no commercial use.`);
  }
  return { card: derived, kind };
}

/**
 * SHA-256 of the face encoder. With another one than the adapter was trained with, the face would be wrong without any
 * error, so that is a problem.
 */
async function checkEncoder(
  { faceEncoder, trainedWith }: Checkpoint,
  output: ForgeOutput,
  problems: Problems,
): Promise<string | undefined> {
  if (faceEncoder === undefined) return trainedWith;
  const hash = output.newSha256();
  for await (const bytes of inPieces(faceEncoder.file)) hash.update(bytes);
  const sha256 = hash.hex();
  if (trainedWith !== undefined && trainedWith !== sha256) {
    problems.weights(
      `the face adapter and ${faceEncoder.file.name} are no pair: the encoder's SHA-256 is ${sha256}, the adapter was trained with ${trainedWith}`,
    );
  }
  return sha256;
}

interface WrittenNetworks {
  readonly files: BundleFile[];
  readonly index: Partial<Record<Role, TensorIndex>>;
  readonly report: QuantisationReport;
}

async function writeNetworks(
  parts: readonly NetworkPart[],
  { output, precision, checkNetwork, onProgress }: CompileOptions,
  problems: Problems,
): Promise<WrittenNetworks> {
  const files: BundleFile[] = [];
  const index: Partial<Record<Role, TensorIndex>> = {};
  const report: QuantisationReport = {};
  const tensors = parts.reduce((sum, part) => sum + part.tensors.size, 0);
  let tensor = 0;
  for (const { role, spec, tensors: origins } of parts) {
    const writer = new WeightWriter(`weights/${fileName(role)}.bin`, output);
    for (const [name, { source, name: nameInSource, dims }] of origins) {
      const rows: RowReader = (first, count) => source.readRows(nameInSource, first, count);
      const storage = chooseStorage(role, name, dims, precision);
      // After the first bad tensor the rest is only looked at, so that all bad ones are told.
      await problems.collect(async () => {
        if (problems.count === 0) await writer.add(name, rows, dims, storage);
        else await source.read(nameInSource);
      });
      onProgress?.({ role, tensor: ++tensor, tensors });
    }
    if (problems.count > 0) continue;
    const written = await writer.finish();
    const wrong = checkNetwork({ role, ...spec }, written.index);
    if (wrong.length > 0) throw new AppError('internal', `The forge stored ${role} wrongly: ${wrong.join('; ')}`);
    files.push(...written.files);
    index[role] = written.index;
    report[role] = written.quality;
  }
  return { files, index, report };
}

/** latentEncoder → latent_encoder. */
function fileName(role: Role): string {
  return role.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

async function writeBytes(path: string, bytes: Uint8Array, output: ForgeOutput): Promise<BundleFile> {
  const writer = new FileWriter(path, output);
  await writer.append(bytes);
  return writer.finish();
}

async function copyFile(path: string, file: RandomAccess, output: ForgeOutput): Promise<BundleFile> {
  const writer = new FileWriter(path, output);
  for await (const bytes of inPieces(file)) await writer.append(bytes);
  return writer.finish();
}

async function* inPieces(file: RandomAccess): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < file.size; offset += COPY_BYTES) {
    yield await file.read(offset, Math.min(COPY_BYTES, file.size - offset));
  }
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
