import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/open-bundle.ts';
import type { Role } from '../../../src/domain/ports.ts';
import { float32Tensor, type HostTensor } from '../../../src/domain/tensor.ts';
import { buildNetwork } from '../../../src/networks/build-network.ts';
import type { InputDims } from '../../../src/networks/input-dims.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import { runGraph } from '../../fixtures/run-graph.ts';
import { makeTinyBundle, tinyBundleDims, tinyImageDims } from '../../fixtures/tiny-bundle.ts';
import { drawTinyFace, TINY_DETECTOR, TINY_FACE } from '../../fixtures/tiny-face-networks.ts';
import { TINY_TOKENIZER } from '../../fixtures/tiny-tokenizer.ts';

type Four = [number, number, number, number];

const BOTH = { embedding: tinyBundleDims, image: tinyImageDims };

function hashTensor(name: string, dims: readonly number[]): HostTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (name === 'input_ids') return { dtype: 'int32', dims, data: Int32Array.from({ length: count }, (_, i) => i) };
  return float32Tensor(Float32Array.from(hashUniform(name, count)), dims);
}

/** [1,3,H,W] in [-1,1] from pixels. */
function imageTensor({ width, height, data }: { width: number; height: number; data: Uint8ClampedArray }) {
  const planes = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) planes[c * width * height + i] = data[4 * i + c]! / 127.5 - 1;
  }
  return float32Tensor(planes, [1, 3, height, width]);
}

describe('tiny bundle', () => {
  it('is a valid bundle with the same bytes every time', async () => {
    const files = makeTinyBundle();
    const bundle = await openBundle(files);
    expect(bundle.manifest.id).toBe('tiny');
    expect(makeTinyBundle().files.get('bundle.json')).toEqual(files.files.get('bundle.json'));
  });

  for (const [weights, face] of [
    ['float', 'embedding'],
    ['quantised', 'embedding'],
    ['float', 'image'],
    ['quantised', 'image'],
  ] as const) {
    it(`runs every network (${weights}, face as ${face}), finite in f32 and close in f16`, async () => {
      const files = makeTinyBundle({ weights, face });
      const bundle = await openBundle(files);
      for (const batch of [1, 2]) {
        const dims: Partial<Record<Role, InputDims>> = BOTH[face](batch);
        for (const role of Object.keys(dims) as Role[]) {
          const spec = bundle.manifest.networks[role]!;
          if (!('class' in spec)) throw new Error('expected a built network');
          const roleDims = dims[role]!;
          const feeds = Object.fromEntries(Object.entries(roleDims).map(([name, d]) => [name, hashTensor(name, d)]));
          const outputs = await Promise.all(
            (['float32', 'float16'] as const).map((compute) =>
              runGraph(
                buildNetwork(role, spec, bundle.tensors[role]!, roleDims, compute),
                Object.fromEntries(files.files),
                feeds,
              ),
            ),
          );
          for (const name of Object.keys(outputs[0]!)) {
            const [full, half] = outputs.map((output) => output[name]!.data) as [Float32Array, Float32Array];
            const largest = Math.max(...full.map(Math.abs));
            expect(largest, `${role}.${name}`).toBeGreaterThan(0);
            expect(Math.max(...full.map((value, i) => Math.abs(value - half[i]!)), 0), `${role}.${name}`).toBeLessThan(
              0.02 * largest,
            );
          }
        }
      }
    });
  }

  const { side, stride } = TINY_DETECTOR;
  const detect = (image: HostTensor) =>
    runGraph({ model: makeTinyBundle().files.get('face_detector.onnx')!, weightFiles: [] }, {}, { image });

  /** The best cell's face: score logit and box in pixels of the detector's input. */
  async function findFace(image: HostTensor) {
    const { heatmap, box } = await detect(image);
    const score = Math.max(...heatmap!.data);
    const cell = heatmap!.data.indexOf(score);
    const across = side / stride;
    const x = ((cell % across) + 0.5) * stride;
    const y = (Math.floor(cell / across) + 0.5) * stride;
    const [left, top, right, bottom] = [0, 1, 2, 3].map((i) => box!.data[i * across ** 2 + cell]! * stride) as Four;
    return { score, box: [x - left, y - top, x + right, y + bottom] };
  }

  const radius = TINY_FACE.radius * side;
  const drawn = [side / 2 - radius, side / 2 - radius, side / 2 + radius, side / 2 + radius];

  it('finds the drawn face where it was drawn, and none in a grey picture', async () => {
    const face = await findFace(imageTensor(drawTinyFace(side)));
    expect(face.score).toBeGreaterThan(1);
    face.box.forEach((edge, i) => expect(Math.abs(edge - drawn[i]!)).toBeLessThan(2));
    const grey = float32Tensor(new Float32Array(3 * side * side).fill(0.3), [1, 3, side, side]);
    expect((await findFace(grey)).score).toBeLessThan(0);
  });

  it('keeps the face through encoder and decoder', async () => {
    const files = makeTinyBundle();
    const bundle = await openBundle(files);
    const dims = tinyBundleDims();
    const run = (role: 'latentEncoder' | 'latentDecoder', feeds: Record<string, HostTensor>) => {
      const spec = bundle.manifest.networks[role]!;
      if (!('class' in spec)) throw new Error('expected a built network');
      const built = buildNetwork(role, spec, bundle.tensors[role]!, dims[role], 'float32');
      return runGraph(built, Object.fromEntries(files.files), feeds);
    };
    const { latent } = await run('latentEncoder', { image: imageTensor(drawTinyFace(128)) });
    const { image } = await run('latentDecoder', { latent: float32Tensor(latent!.data, latent!.dims) });
    // Every second pixel: the detector looks at 64 × 64.
    const small = Float32Array.from({ length: 3 * side * side }, (_, i) => {
      const [c, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
      return image!.data[c * 128 * 128 + 2 * y * 128 + 2 * x]!;
    });
    const face = await findFace(float32Tensor(small, [1, 3, side, side]));
    expect(face.score).toBeGreaterThan(1);
    face.box.forEach((edge, i) => expect(Math.abs(edge - drawn[i]!)).toBeLessThan(4));
  });

  it('has a tokenizer that the library reads', () => {
    const tokenizer = new Tokenizer(TINY_TOKENIZER, { unk_token: TINY_TOKENIZER.model.unk_token });
    expect(tokenizer.encode('Portrait of a xyzzy').ids).toEqual([1, 6, 9, 10, 3, 2]);
  });
});
