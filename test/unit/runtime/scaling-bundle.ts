import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import type { ModelBundle } from '../../../src/bundle/open-bundle.ts';
import type { TensorEntry } from '../../../src/bundle/weight-index.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { encodeModel } from '../../../src/networks/onnx-writer.ts';
import type { NetworkBuilder } from '../../../src/runtime/session-runner.ts';

/** Weights per role: WIDTH factors, `role index + 1` each, so that results tell which weights were used. */
export const WIDTH = 4;
export const WEIGHT_BYTES = WIDTH * 4;
const BUILT_ROLES = ['textEncoder', 'denoiser', 'latentDecoder'] as const;

/**
 * A bundle of the smallest networks that use external weights: y = x · w, x [rows, WIDTH]; and one ONNX file
 * (faceEncoder) that doubles its input [1, WIDTH]. `files` may be changed by the test.
 */
export function makeScalingBundle(): { bundle: ModelBundle; files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const tensors: Record<string, Record<string, TensorEntry>> = {};
  BUILT_ROLES.forEach((role, index) => {
    files.set(`${role}.bin`, new Uint8Array(new Float32Array(WIDTH).fill(index + 1).buffer));
    const data = { offset: 0, length: WEIGHT_BYTES };
    tensors[role] = { w: { kind: 'float', file: `${role}.bin`, dims: [WIDTH], dtype: 'float32', data } };
  });
  files.set('face.onnx', doublingModel());
  const networks = {
    ...Object.fromEntries(BUILT_ROLES.map((role) => [role, { class: 'Scaling', config: {} }])),
    faceEncoder: { onnx: 'face.onnx' },
  };
  const listed = [...files].map(([path, { byteLength }]) => ({ path, bytes: byteLength }));
  return {
    files,
    bundle: {
      // The runner reads id, networks and files' sizes only.
      manifest: { id: 'scaling', networks, files: listed } as unknown as BundleManifest,
      tensors,
      files: {
        read: (path) => Promise.resolve(find(files, path)),
        blob: (path) => Promise.resolve(new Blob([find(files, path) as Uint8Array<ArrayBuffer>])),
      },
    },
  };
}

export const buildScaling: NetworkBuilder = (role, _spec, tensors, inputDims) => {
  const entry = tensors['w']!;
  const dims = inputDims['x'] ?? [1, WIDTH];
  const model = encodeModel({
    name: role,
    inputs: [{ name: 'x', type: 'float32', dims }],
    outputs: [{ name: 'y', type: 'float32', dims }],
    nodes: [{ op: 'Mul', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {} }],
    initializers: [{ name: 'w', type: 'float32', dims: [WIDTH], external: { file: entry.file, ...entry.data } }],
  });
  return { model, weightFiles: [entry.file] };
};

function doublingModel(): Uint8Array {
  const dims = [1, WIDTH];
  return encodeModel({
    name: 'doubling',
    inputs: [{ name: 'x', type: 'float32', dims }],
    outputs: [{ name: 'y', type: 'float32', dims }],
    nodes: [{ op: 'Add', domain: '', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
    initializers: [],
  });
}

function find(files: ReadonlyMap<string, Uint8Array>, path: string): Uint8Array {
  const bytes = files.get(path);
  if (bytes === undefined) throw new AppError('bundle-missing-file', `${path} is missing`);
  return bytes;
}
