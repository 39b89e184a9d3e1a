/** A bundle without networks and a runner that answers with simple deterministic maths, for tests of the order of things. */
import { parseManifest } from '../../../src/bundle/open-bundle.ts';
import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import type { ModelBundle } from '../../../src/bundle/open-bundle.ts';
import type { PixelImage } from '../../../src/domain/image.ts';
import type { Role, RunOptions, SessionRunner } from '../../../src/domain/ports.ts';
import { float32Tensor, isHostTensor, type HostTensor, type Tensor } from '../../../src/domain/tensor.ts';
import { ARCFACE_TEMPLATE_112 } from '../../../src/pipeline/stages/face-alignment.ts';
import { makeTinyBundle } from '../../fixtures/tiny-bundle.ts';

const CHANNELS = 4;
const DOWNSCALE = 8;
const DETECTOR_SIDE = 64;
const STRIDE = 8;
const EMBEDDING = 6;

let tinyFiles: ReturnType<typeof makeTinyBundle> | undefined;

/** Renders every size whose sides are multiples of 16, unless `areas` are given. */
export async function makeFakeBundle(changes: Partial<BundleManifest> = {}): Promise<ModelBundle> {
  tinyFiles ??= makeTinyBundle();
  const files = tinyFiles;
  const manifest = parseManifest(JSON.parse(new TextDecoder().decode(await files.read('bundle.json'))));
  const row = (colour: number) => Array.from({ length: CHANNELS }, (_, i) => (i === colour ? 0.5 : 0));
  return {
    manifest: {
      ...manifest,
      latent: {
        channels: CHANNELS,
        downscale: DOWNSCALE,
        factor: 0.5,
        shift: 0.1,
        preview: { matrix: [row(0), row(1), row(2)], bias: [0.5, 0.5, 0.5] },
      },
      native: { width: 64, height: 64, multiple: 16, areas: [] },
      face: { ...manifest.face, embedding: EMBEDDING },
      schedule: { ...manifest.schedule, prediction: 'epsilon', zeroTerminalSnr: false },
      ...changes,
    },
    tensors: { conditioner: { 'ip_adapter.1.to_k_ip.weight': TENSOR, 'ip_adapter.3.to_k_ip.weight': TENSOR } },
    files,
  };
}

const TENSOR = {
  kind: 'float' as const,
  file: '',
  dims: [1],
  dtype: 'float32' as const,
  data: { offset: 0, length: 4 },
};

/** A grey picture with white squares: each is a "face" for the fake detector. */
export function drawSquares(
  width: number,
  height: number,
  squares: readonly { readonly x: number; readonly y: number; readonly side: number }[],
): PixelImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([40 + (i % 50), 60, 80, 255], 4 * i);
  for (const { x, y, side } of squares) {
    for (let dy = 0; dy < side; dy++) {
      for (let dx = 0; dx < side; dx++)
        data.fill(255, 4 * ((y + dy) * width + x + dx), 4 * ((y + dy) * width + x + dx + 1));
    }
  }
  return { width, height, data };
}

export interface FakeCall {
  readonly role: Role;
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly options: RunOptions;
}

type Floats = Float32Array;

export class FakeRunner implements SessionRunner {
  readonly backend = { kind: 'node-cpu', reason: 'test', device: 'test', threads: 1 } as const;
  readonly calls: FakeCall[] = [];
  readonly released: Role[] = [];
  disposed = 0;
  /** Called before each run. */
  onRun: (role: Role) => void = () => undefined;

  run(role: Role, feeds: Readonly<Record<string, Tensor>>, options: RunOptions = {}): Promise<Record<string, Tensor>> {
    this.onRun(role);
    const host = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        if (!isHostTensor(tensor)) throw new Error('the fake has no device');
        return [name, tensor];
      }),
    );
    this.calls.push({ role, feeds: host, options });
    return Promise.resolve(answer(role, host));
  }

  read(tensor: Tensor): Promise<HostTensor> {
    return isHostTensor(tensor) ? Promise.resolve(tensor) : Promise.reject(new Error('the fake has no device'));
  }

  dispose(): void {
    this.disposed += 1;
  }

  release(role: Role): Promise<void> {
    this.released.push(role);
    return Promise.resolve();
  }

  residentBytes(): number {
    return 0;
  }

  count(role: Role): number {
    return this.calls.filter((call) => call.role === role).length;
  }
}

function answer(role: Role, feeds: Readonly<Record<string, HostTensor>>): Record<string, Tensor> {
  const floats = (name: string): Floats => feeds[name]!.data as Floats;
  switch (role) {
    case 'faceDetector':
      return detect(floats('image'));
    case 'faceEncoder':
      return { anything: float32Tensor(describe(floats('image')), [1, EMBEDDING]) };
    case 'textEncoder': {
      const ids = feeds['input_ids']!.data as Int32Array;
      const text = Float32Array.from({ length: ids.length * 16 }, (_, i) => Math.sin(ids[i >> 4]! + (i & 15)));
      return { last_hidden_state: float32Tensor(text, [1, ids.length, 16]) };
    }
    case 'conditioner': {
      const [batch = 1, tokens = 1, width = 1] = feeds['text']!.dims;
      const scale = floats('face_scale')[0]!;
      return {
        text_kv: float32Tensor(floats('text').slice(), [batch, tokens, width]),
        face_kv: float32Tensor(
          floats('face').map((value) => value * scale),
          [batch, 1, EMBEDDING],
        ),
      };
    }
    case 'denoiser': {
      const batch = feeds['sample']!.dims[0]!;
      const sample = floats('sample');
      const per = sample.length / batch;
      const mean = (values: Floats, row: number): number => {
        const length = values.length / batch;
        return values.subarray(row * length, (row + 1) * length).reduce((sum, value) => sum + value, 0) / length;
      };
      const t = floats('timestep')[0]!;
      const out = sample.map((value, i) => {
        const row = Math.floor(i / per);
        return 0.4 * value + mean(floats('text_kv'), row) + mean(floats('face_kv'), row) + 0.0001 * t;
      });
      return { out_sample: float32Tensor(out, feeds['sample']!.dims) };
    }
    case 'latentEncoder': {
      const [, , height = 0, width = 0] = feeds['image']!.dims;
      return { latent: encode(floats('image'), height, width) };
    }
    case 'latentDecoder': {
      const [, , height = 0, width = 0] = feeds['latent']!.dims;
      return { image: decode(floats('latent'), height, width) };
    }
    default:
      throw new Error(`the fake has no ${role}`);
  }
}

/** White pixels that touch are a face: its box is their bounding box, its points lie as in the alignment template. */
function detect(image: Floats): Record<string, Tensor> {
  const cells = DETECTOR_SIDE / STRIDE;
  const plane = DETECTOR_SIDE * DETECTOR_SIDE;
  const isWhite = (i: number) => [0, 1, 2].every((channel) => image[channel * plane + i]! > 0.9);
  const heatmap = new Float32Array(cells * cells).fill(-9);
  const box = new Float32Array(4 * cells * cells);
  const landmarks = new Float32Array(10 * cells * cells);
  const seen = new Set<number>();
  for (let start = 0; start < plane; start++) {
    if (seen.has(start) || !isWhite(start)) continue;
    const stack = [start];
    seen.add(start);
    let [left, top, right, bottom] = [DETECTOR_SIDE, DETECTOR_SIDE, 0, 0];
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      const x = i % DETECTOR_SIDE;
      const y = Math.floor(i / DETECTOR_SIDE);
      [left, top, right, bottom] = [
        Math.min(left, x),
        Math.min(top, y),
        Math.max(right, x + 1),
        Math.max(bottom, y + 1),
      ];
      for (const next of [i - 1, i + 1, i - DETECTOR_SIDE, i + DETECTOR_SIDE]) {
        const sameRow = Math.abs((next % DETECTOR_SIDE) - x) <= 1;
        if (next >= 0 && next < plane && sameRow && !seen.has(next) && isWhite(next)) {
          seen.add(next);
          stack.push(next);
        }
      }
    }
    if (right - left < 2) continue;
    const column = Math.min(cells - 1, Math.floor((left + right) / 2 / STRIDE));
    const row = Math.min(cells - 1, Math.floor((top + bottom) / 2 / STRIDE));
    const cell = row * cells + column;
    const [x, y] = [(column + 0.5) * STRIDE, (row + 0.5) * STRIDE];
    heatmap[cell] = 4;
    [x - left, y - top, right - x, bottom - y].forEach((distance, i) => {
      box[i * cells * cells + cell] = distance / STRIDE;
    });
    ARCFACE_TEMPLATE_112.forEach((point, i) => {
      const [px, py] = [left + (point.x / 112) * (right - left), top + (point.y / 112) * (bottom - top)];
      landmarks[2 * i * cells * cells + cell] = (px - x) / STRIDE;
      landmarks[(2 * i + 1) * cells * cells + cell] = (py - y) / STRIDE;
    });
  }
  return {
    heatmap: float32Tensor(heatmap, [1, 1, cells, cells]),
    box: float32Tensor(box, [1, 4, cells, cells]),
    landmarks: float32Tensor(landmarks, [1, 10, cells, cells]),
  };
}

/** Mean and slope of each channel of the crop. */
function describe(crop: Floats): Floats {
  const plane = crop.length / 3;
  return Float32Array.from({ length: EMBEDDING }, (_, i) => {
    const values = crop.subarray((i % 3) * plane, ((i % 3) + 1) * plane);
    if (i < 3) return values.reduce((sum, value) => sum + value, 0) / plane + 0.01;
    return values.reduce((sum, value, k) => sum + value * (k / plane - 0.5), 0) / plane;
  });
}

/** Mean colour per 8×8 cell; the fourth channel is 0. */
function encode(image: Floats, height: number, width: number): HostTensor {
  const [rows, columns] = [height / DOWNSCALE, width / DOWNSCALE];
  const out = new Float32Array(CHANNELS * rows * columns);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const cell = (channel * rows + Math.floor(y / DOWNSCALE)) * columns + Math.floor(x / DOWNSCALE);
        out[cell]! += image[(channel * height + y) * width + x]! / (DOWNSCALE * DOWNSCALE);
      }
    }
  }
  return float32Tensor(out, [1, CHANNELS, rows, columns]);
}

function decode(latent: Floats, rows: number, columns: number): HostTensor {
  const [height, width] = [rows * DOWNSCALE, columns * DOWNSCALE];
  const out = new Float32Array(3 * height * width);
  for (let i = 0; i < out.length; i++) {
    const channel = Math.floor(i / (height * width));
    const y = Math.floor((i % (height * width)) / width);
    out[i] = latent[(channel * rows + Math.floor(y / DOWNSCALE)) * columns + Math.floor((i % width) / DOWNSCALE)]!;
  }
  return float32Tensor(out, [1, 3, height, width]);
}
