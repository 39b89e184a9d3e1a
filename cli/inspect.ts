/** `likeness inspect`: what a bundle is made of. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import type { ModelBundle } from '../src/bundle/open-bundle.ts';
import type { TensorEntry } from '../src/bundle/weight-index.ts';
import { computeBudget, INFERENCE_TYPES, type InferenceType } from '../src/domain/compute-budget.ts';
import { ROLES, type Role } from '../src/domain/ports.ts';
import { elementCount } from '../src/domain/tensor.ts';
import { openNodeBundle } from './node-bundle-files.ts';
import { UsageError } from './usage-error.ts';

export const INSPECT_USAGE = `likeness inspect FOLDER [--json]
  Tells a bundle's networks, weights, sizes, memory, rounding and licences, and checks every file's SHA-256.`;

export interface NetworkReport {
  readonly role: Role;
  /** Class of a built network, or the ONNX file. */
  readonly network: string;
  readonly tensors: number;
  readonly parameters: number;
  /** Bytes of weights by how they are stored. */
  readonly bytes: Readonly<Record<string, number>>;
}

/** What is in memory at once of the weights, in bytes; intermediate results come on top. */
export interface MemoryReport {
  readonly budget: InferenceType;
  readonly float32: number;
  /** Rounded weights stay as they are stored; the rest takes half. */
  readonly float16: number;
}

export interface BundleReport {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly licences: ModelBundle['manifest']['licences'];
  readonly networks: readonly NetworkReport[];
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  readonly totalBytes: number;
  readonly memory: readonly MemoryReport[];
  /** Figures that were measured when it was made. */
  readonly quality: ModelBundle['manifest']['quality'] | null;
}

/** Throws UsageError and what opening and reading a bundle throws. */
export async function runInspect(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: { json: { type: 'boolean' } }, allowPositionals: true });
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) throw new UsageError('Give one bundle folder.');
  const bundle = await openNodeBundle(folder);
  for (const { path } of bundle.manifest.files) await bundle.files.read(path);
  const report = describe(bundle);
  console.log(values.json === true ? JSON.stringify(report, null, 2) : asText(report));
}

/** Networks, files and licences with their sizes in bytes. */
export function describe({ manifest, tensors }: ModelBundle): BundleReport {
  const files = manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  const networks = ROLES.flatMap((role): NetworkReport[] => {
    const spec = manifest.networks[role];
    if (spec === undefined) return [];
    if ('onnx' in spec) {
      const bytes = files.find(({ path }) => path === spec.onnx)?.bytes ?? 0;
      return [{ role, network: spec.onnx, tensors: 0, parameters: 0, bytes: { onnx: bytes } }];
    }
    const entries = Object.values(tensors[role] ?? {});
    const bytes: Record<string, number> = {};
    for (const entry of entries) bytes[storageName(entry)] = (bytes[storageName(entry)] ?? 0) + entryBytes(entry);
    const parameters = entries.reduce((sum, entry) => sum + elementCount(entry.dims), 0);
    return [{ role, network: spec.class, tensors: entries.length, parameters, bytes }];
  });
  const { id, title, version, licences, quality = null } = manifest;
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const memory = INFERENCE_TYPES.map((budget) => memoryOf(budget, networks));
  return { id, title, version, licences, networks, files, totalBytes, memory, quality };
}

/** Networks one after the other where a budget releases them, all together where it keeps them. */
function memoryOf(budget: InferenceType, networks: readonly NetworkReport[]): MemoryReport {
  const device = { kind: 'webgpu-f32', cores: 1, crossOriginIsolated: true } as const;
  const together = computeBudget(budget, device).sessions === 'resident';
  const bytesAt = (floatShare: number): number => {
    const sizes = networks.map(({ bytes }) =>
      Object.entries(bytes).reduce((sum, [kind, count]) => sum + count * (kind === 'float32' ? floatShare : 1), 0),
    );
    return together ? sizes.reduce((sum, size) => sum + size, 0) : Math.max(0, ...sizes);
  };
  return { budget, float32: bytesAt(1), float16: Math.round(bytesAt(0.5)) };
}

function storageName(entry: TensorEntry): string {
  if (entry.kind === 'float') return entry.dtype;
  return entry.kind === 'int8' ? 'int8' : `${entry.bits}-bit`;
}

function entryBytes(entry: TensorEntry): number {
  return entry.data.length + (entry.kind === 'float' ? 0 : entry.scale.length);
}

function asText(report: BundleReport): string {
  const networks = report.networks.map(({ role, network, tensors, parameters, bytes }) => {
    const stored = Object.entries(bytes).map(([kind, count]) => `${kind} ${megabytes(count)}`);
    const size = tensors > 0 ? `${tensors} tensors, ${(parameters / 1e6).toFixed(2)} M parameters: ` : '';
    return `  ${role.padEnd(14)} ${network.padEnd(22)} ${size}${stored.join(', ')}`;
  });
  const licences = report.licences.map(
    ({ part, name, commercialUse }) => `  ${part}: ${name}${commercialUse ? '' : ' (no commercial use)'}`,
  );
  const memory = report.memory.map(
    ({ budget, float32, float16 }) => `  ${budget.padEnd(14)} f32 ${megabytes(float32)}, f16 ${megabytes(float16)}`,
  );
  const rounding = roundingLines(report.quality);
  const files = report.files.map(({ path, bytes }) => `  ${path.padEnd(30)} ${megabytes(bytes)}`);
  return [
    `${report.title} (${report.id}) ${report.version}, ${megabytes(report.totalBytes)}, every file as the manifest says`,
    'Networks',
    ...networks,
    'Weights in memory at once (intermediate results come on top)',
    ...memory,
    ...(rounding.length > 0 ? ['Rounding (signal to noise against the weights it was made of)', ...rounding] : []),
    'Licences',
    ...licences,
    'Files',
    ...files,
  ].join('\n');
}

const roundingSchema = v.object({
  quantisation: v.record(
    v.string(),
    v.object({
      bitsPerWeight: v.number(),
      snr: v.nullable(v.number()),
      worstTensor: v.optional(v.string()),
      worstSnr: v.optional(v.nullable(v.number())),
    }),
  ),
});

function roundingLines(quality: BundleReport['quality']): string[] {
  const parsed = v.safeParse(roundingSchema, quality);
  if (!parsed.success) return [];
  return Object.entries(parsed.output.quantisation).map(([role, { bitsPerWeight, snr, worstTensor, worstSnr }]) => {
    const rounded = snr === null ? 'exact' : `${snr.toFixed(1)} dB, worst ${worstTensor} ${worstSnr?.toFixed(1)} dB`;
    return `  ${role.padEnd(14)} ${bitsPerWeight.toFixed(2)} bits per weight: ${rounded}`;
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
