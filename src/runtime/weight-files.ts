import type { ModelBundle } from '../bundle/open-bundle.ts';
import { AppError } from '../domain/errors.ts';
import type { Role } from '../domain/ports.ts';

/** One weight file as onnxruntime mounts it: `path` is the location that the graph names. */
export interface MountedWeights {
  readonly path: string;
  readonly data: Blob | Uint8Array;
}

/**
 * Reads the weight files of a graph and checks that they are whole, before onnxruntime sees them: an external-data
 * error inside create() leaves onnxruntime-web unable to ever create a WebGPU session again.
 * `form` 'blob' keeps the bytes where they are (only the JSPI build streams Blobs), 'bytes' reads them into memory.
 * Throws AppError `weights-invalid`, and what the bundle's files throw.
 */
export async function loadWeights(
  bundle: ModelBundle,
  paths: readonly string[],
  form: 'blob' | 'bytes',
): Promise<MountedWeights[]> {
  const mounted: MountedWeights[] = [];
  for (const path of paths) {
    const expected = fileBytes(bundle, path);
    const data = form === 'blob' ? await bundle.files.blob(path) : await bundle.files.read(path);
    const actual = data instanceof Uint8Array ? data.byteLength : data.size;
    if (actual !== expected) throw damaged(path, `${actual} bytes instead of ${expected}`);
    if (!(data instanceof Uint8Array)) await checkReadable(path, data);
    mounted.push({ path, data });
  }
  return mounted;
}

/** Bytes of the files together, as the manifest states them. Throws AppError `weights-invalid` for an unlisted file. */
export function totalBytes(bundle: ModelBundle, paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + fileBytes(bundle, path), 0);
}

/** Checks that every tensor of a role lies inside its file. Throws AppError `weights-invalid` naming those that do not. */
export function checkTensorRanges(bundle: ModelBundle, role: Role): void {
  const outside = Object.entries(bundle.tensors[role] ?? {}).filter(([, entry]) => {
    const ranges = entry.kind === 'float' ? [entry.data] : [entry.data, entry.scale];
    const size = fileBytes(bundle, entry.file);
    return ranges.some(({ offset, length }) => offset + length > size);
  });
  if (outside.length === 0) return;
  const names = outside.map(([name]) => name);
  throw new AppError('weights-invalid', `${role}: these tensors lie outside their files: ${names.join(', ')}.`, {
    details: { role, tensors: names },
  });
}

function fileBytes(bundle: ModelBundle, path: string): number {
  const entry = bundle.manifest.files.find((file) => file.path === path);
  if (entry === undefined) {
    throw new AppError('weights-invalid', `${path} is used by a network but bundle.json does not list it.`, {
      details: { file: path },
    });
  }
  return entry.bytes;
}

/** A Blob whose storage is gone (cleared, disk error) still has a size; reading its end tells. */
async function checkReadable(path: string, blob: Blob): Promise<void> {
  try {
    await blob.slice(-1).arrayBuffer();
  } catch (cause) {
    throw damaged(path, 'the stored bytes cannot be read', cause);
  }
}

function damaged(path: string, what: string, cause?: unknown): AppError {
  return new AppError('weights-invalid', `${path}: ${what}. Download the weights again.`, {
    details: { file: path },
    ...(cause === undefined ? {} : { cause }),
  });
}
