import { describe, expect, it } from 'vitest';
import type { DetectedFace, FaceBox } from '../../../src/domain/image.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { decodeHeatmap } from '../../../src/pipeline/stages/decode-heatmap.ts';
import { decodeYunet } from '../../../src/pipeline/stages/decode-yunet.ts';
import { detectFaces } from '../../../src/pipeline/stages/face-detection.ts';
import { facePoints } from '../../../src/pipeline/stages/face-points.ts';
import { suppressOverlaps } from '../../../src/pipeline/stages/suppress-overlaps.ts';
import { drawSquares, FakeRunner, makeFakeBundle } from './fake-bundle.ts';

function face(box: FaceBox, score: number): DetectedFace {
  return { box, score, points: facePoints(() => 0) };
}

describe('decodeHeatmap', () => {
  const rows = 4;
  const columns = 5;
  const empty = () => ({
    heatmap: new Float32Array(rows * columns).fill(-9),
    box: new Float32Array(4 * rows * columns),
    landmarks: new Float32Array(10 * rows * columns),
    rows,
    columns,
    stride: 8,
  });

  it('reads box and landmarks from the cell’s centre in units of the stride', () => {
    const outputs = empty();
    const cell = 2 * columns + 3;
    outputs.heatmap[cell] = 2;
    [1, 2, 0.5, 0.25].forEach((distance, side) => (outputs.box[side * rows * columns + cell] = distance));
    outputs.landmarks[4 * rows * columns + cell] = -0.5; // nose x
    outputs.landmarks[5 * rows * columns + cell] = 0.75; // nose y
    const [found] = decodeHeatmap(outputs, 0.5);
    expect(found!.box).toEqual({ left: 28 - 8, top: 20 - 16, right: 28 + 4, bottom: 20 + 2 });
    expect(found!.points[2]).toEqual({ x: 24, y: 26 });
    expect(found!.points[0]).toEqual({ x: 28, y: 20 });
    expect(found!.score).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
  });

  it('takes local maxima above the threshold only, of equal ones the first', () => {
    const outputs = empty();
    outputs.heatmap[0] = 3;
    outputs.heatmap[1] = 2; // beside a higher one
    outputs.heatmap[columns + 4] = 1;
    outputs.heatmap[2 * columns + 4] = 1; // equal to the one above
    outputs.heatmap[3 * columns] = -0.1; // below one half
    expect(decodeHeatmap(outputs, 0.5).map(({ score }) => Math.round(score * 100))).toEqual([95, 73]);
  });
});

describe('NaN from a faulty backend', () => {
  it('is no face', () => {
    const plane = () => new Float32Array(4).fill(NaN);
    const heatmap = { heatmap: plane(), box: new Float32Array(16), landmarks: new Float32Array(40) };
    expect(decodeHeatmap({ ...heatmap, rows: 2, columns: 2, stride: 8 }, 0.5)).toEqual([]);
    const yunet = { cls: plane(), obj: plane(), bbox: new Float32Array(16), kps: new Float32Array(40) };
    expect(decodeYunet({ ...yunet, stride: 8, columns: 2 }, 0.5)).toEqual([]);
  });
});

describe('decodeYunet', () => {
  it('follows OpenCV’s formula', () => {
    const cls = new Float32Array(6);
    const obj = new Float32Array(6);
    const bbox = new Float32Array(24);
    const kps = new Float32Array(60);
    cls[4] = 0.81;
    obj[4] = 1.3; // clamped to 1
    bbox.set([0.5, 0.25, Math.log(2), Math.log(3)], 16);
    kps.set([0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0, -1, 1], 40);
    const [found, ...more] = decodeYunet({ stride: 16, columns: 3, cls, obj, bbox, kps }, 0.6);
    expect(more).toEqual([]);
    expect(found!.score).toBeCloseTo(0.9, 6);
    // Cell 4 of 3 columns: column 1, row 1.
    expect(found!.box.left).toBeCloseTo(1.5 * 16 - 16, 4);
    expect(found!.box.bottom).toBeCloseTo(1.25 * 16 + 24, 4);
    expect(found!.points[1].x).toBeCloseTo(1.3 * 16, 4);
    expect(found!.points[1].y).toBeCloseTo(1.4 * 16, 4);
    expect(found!.points[4]).toEqual({ x: 0, y: 32 });
  });
});

describe('suppressOverlaps', () => {
  it('keeps the best of overlapping faces and all that stand apart', () => {
    const best = face({ left: 0, top: 0, right: 10, bottom: 10 }, 0.9);
    const shifted = face({ left: 1, top: 1, right: 11, bottom: 11 }, 0.8);
    const apart = face({ left: 30, top: 0, right: 40, bottom: 10 }, 0.7);
    const touching = face({ left: 8, top: 0, right: 18, bottom: 10 }, 0.6);
    expect(suppressOverlaps([shifted, touching, apart, best], 0.3)).toEqual([best, apart, touching]);
    expect(suppressOverlaps([], 0.3)).toEqual([]);
  });
});

describe('detectFaces', () => {
  it('merges what it finds at several scales and sorts by area, in picture pixels', async () => {
    const bundle = await makeFakeBundle();
    const detector = { ...bundle.manifest.face.detector!, scales: [1, 0.5] };
    const scaled = { ...bundle, manifest: { ...bundle.manifest, face: { ...bundle.manifest.face, detector } } };
    const picture = drawSquares(256, 192, [
      { x: 16, y: 32, side: 48 },
      { x: 128, y: 64, side: 96 },
    ]);
    const runner = new FakeRunner();
    const faces = await detectFaces({ bundle: scaled, runner }, picture);
    expect(runner.count('faceDetector')).toBe(2);
    expect(faces).toHaveLength(2);
    [
      [128, 64, 224, 160],
      [16, 32, 64, 80],
    ].forEach((expected, i) => {
      const { left, top, right, bottom } = faces[i]!.box;
      [left, top, right, bottom].forEach((edge, k) => expect(Math.abs(edge - expected[k]!)).toBeLessThanOrEqual(4));
    });
  });

  it('reads YuNet’s twelve outputs by name', async () => {
    const bundle = await makeFakeBundle();
    const detector = { ...bundle.manifest.face.detector!, decode: 'yunet' as const };
    const yunet = { ...bundle, manifest: { ...bundle.manifest, face: { ...bundle.manifest.face, detector } } };
    const runner = new FakeRunner();
    runner.run = () => {
      const outputs = [8, 16, 32].flatMap((stride) => {
        const n = (64 / stride) ** 2;
        const score = new Float32Array(n);
        const bbox = new Float32Array(4 * n);
        if (stride === 16) {
          score[5] = 0.95;
          bbox.set([0, 0, Math.log(2), Math.log(2)], 20);
        }
        return [
          [`cls_${stride}`, float32Tensor(score, [1, n, 1])],
          [`obj_${stride}`, float32Tensor(score, [1, n, 1])],
          [`bbox_${stride}`, float32Tensor(bbox, [1, n, 4])],
          [`kps_${stride}`, float32Tensor(new Float32Array(10 * n), [1, n, 10])],
        ] as const;
      });
      return Promise.resolve(Object.fromEntries(outputs));
    };
    const faces = await detectFaces({ bundle: yunet, runner }, drawSquares(128, 128, []));
    expect(faces).toHaveLength(1);
    expect(faces[0]!.box.left).toBeCloseTo(0, 3);
    expect(faces[0]!.box.right).toBeCloseTo(64, 3);
  });

  it('says which output is missing', async () => {
    const bundle = await makeFakeBundle();
    const runner = new FakeRunner();
    runner.run = () => Promise.resolve({ heatmap: float32Tensor(new Float32Array(4), [1, 1, 2, 2]) });
    const failing = detectFaces({ bundle, runner }, drawSquares(64, 64, []));
    await expect(failing).rejects.toMatchObject({ code: 'graph-invalid' });
    await expect(failing).rejects.toThrow(/"box".*heatmap/);
  });
});
