import { describe, expect, it } from 'vitest';
import type { FacePoints, PixelImage, Point } from '../../../src/domain/image.ts';
import { flattenAlpha } from '../../../src/pipeline/image/flatten-alpha.ts';
import { imageFromPlanes, imageToTensor, SIGNED_UNIT } from '../../../src/pipeline/image/image-tensor.ts';
import { previewLatent } from '../../../src/pipeline/image/latent-preview.ts';
import { letterbox } from '../../../src/pipeline/image/letterbox.ts';
import { cropTopLeft, padByReflection } from '../../../src/pipeline/image/pad.ts';
import { coverRegion, visibleShare } from '../../../src/pipeline/image/region.ts';
import { resample, resampleRegion } from '../../../src/pipeline/image/resample.ts';
import { apply, invert, scaleOf, solveSimilarity } from '../../../src/pipeline/image/similarity.ts';
import { warpBySimilarity } from '../../../src/pipeline/image/warp.ts';
import { alignmentOf, ARCFACE_TEMPLATE_112, boxFromPoints } from '../../../src/pipeline/stages/face-alignment.ts';
import { facePoints } from '../../../src/pipeline/stages/face-points.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import fixture from '../../fixtures/pipeline/images.json' with { type: 'json' };

function drawn(width: number, height: number, pixel: (x: number, y: number) => readonly number[]): PixelImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([...pixel(x, y), 255].slice(0, 4), 4 * (y * width + x));
  }
  return { width, height, data };
}

/** `picture` of make_image_fixtures.py. */
function picture(width: number, height: number): PixelImage {
  return drawn(width, height, (x, y) => [
    ((x * 3 + y) % 200) + 20,
    ((x + y * 2) % 150) + 50,
    255 - ((x * 2 + y * 2) % 230),
  ]);
}

function largestDifference(image: PixelImage, rgb: readonly number[]): number {
  let largest = 0;
  rgb.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value - image.data[4 * Math.floor(i / 3) + (i % 3)]!));
  });
  return largest;
}

/** `alignments` of make_image_fixtures.py: the points of case i. */
function pointsOf(i: number): FacePoints {
  const [turn, size, x, y, ...noise] = ALIGNMENT_NUMBERS.subarray(14 * i, 14 * (i + 1));
  const scale = 20 ** size!;
  const [cos, sin] = [scale * Math.cos(turn! * Math.PI), scale * Math.sin(turn! * Math.PI)];
  return facePoints((k, axis) => {
    const from = ARCFACE_TEMPLATE_112[k]!;
    const turned = axis === 0 ? cos * from.x - sin * from.y + 2000 * x! : sin * from.x + cos * from.y + 2000 * y!;
    return turned + 8 * scale * noise[2 * k + axis]!;
  });
}

const ALIGNMENT_NUMBERS = hashUniform('alignments', 14 * fixture.alignments.length);

describe('alignment', () => {
  it('equals scikit-image’s least-squares similarity for 200 faces of any size, turn and place', () => {
    fixture.alignments.forEach((expected, i) => {
      const { a, b, tx, ty } = alignmentOf(pointsOf(i), 112);
      [a, b, tx, ty].forEach((value, k) => {
        expect(Math.abs(value - expected[k]!)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected[k]!)));
      });
    });
  });

  it('fits in the picture instead where the encoder was trained so: the distances there are least', () => {
    const points = pointsOf(0);
    const distance = (fit: 'crop' | 'picture'): number => {
      const toPicture = invert(alignmentOf(points, 112, fit));
      return points.reduce((sum, { x, y }, i) => {
        const placed = apply(toPicture, ARCFACE_TEMPLATE_112[i]!);
        return sum + (placed.x - x) ** 2 + (placed.y - y) ** 2;
      }, 0);
    };
    expect(distance('picture')).toBeLessThan(distance('crop'));
    expect(scaleOf(alignmentOf(points, 112, 'picture'))).toBeGreaterThan(scaleOf(alignmentOf(points, 112, 'crop')));
  });

  it('has an inverse, and says when there is nothing to align', () => {
    const points: Point[] = [
      { x: 3, y: 4 },
      { x: 30, y: 8 },
    ];
    const forward = solveSimilarity(points, [
      { x: 0, y: 0 },
      { x: 5, y: -9 },
    ]);
    const back = apply(invert(forward), apply(forward, { x: 17, y: -3 }));
    expect(back.x).toBeCloseTo(17, 9);
    expect(back.y).toBeCloseTo(-3, 9);
    expect(() => solveSimilarity([points[0]!, points[0]!], points)).toThrow(RangeError);
  });

  it('boxes placed points by what the aligned crop shows', () => {
    const double = facePoints(
      (i, axis) =>
        10 +
        2 * [38.2946, 73.5318, 56.0252, 41.5493, 70.7299][i]! * (1 - axis) +
        2 * axis * [51.6963, 51.5014, 71.7366, 92.3655, 92.2041][i]!,
    );
    const box = boxFromPoints(double);
    [box.left, box.top].forEach((value) => expect(value).toBeCloseTo(10, 6));
    [box.right, box.bottom].forEach((value) => expect(value).toBeCloseTo(234, 6));
  });
});

describe('warp', () => {
  it('equals scikit-image’s bilinear warp with zeros outside; where it shrinks, after its means of whole blocks', () => {
    for (const { a, b, tx, ty, size, width, height, rgb } of fixture.warps) {
      const crop = warpBySimilarity(picture(width, height), { a, b, tx, ty }, size);
      expect(largestDifference(crop, [...Buffer.from(rgb, 'base64')])).toBeLessThanOrEqual(1);
    }
  });

  it('averages before it shrinks: a one-pixel chequerboard becomes grey', () => {
    const board = drawn(256, 256, (x, y) => Array.from({ length: 3 }, () => ((x + y) % 2) * 255));
    const crop = warpBySimilarity(board, { a: 0.24, b: 0.01, tx: 0, ty: 0 }, 32);
    const inside = [...crop.data.slice(4 * 32 * 8, 4 * 32 * 24)].filter(
      (_, i) => i % 4 === 0 && Math.floor(i / 4) % 32 > 4,
    );
    expect(Math.max(...inside) - Math.min(...inside)).toBeLessThanOrEqual(2);
    expect(Math.abs(inside[0]! - 127)).toBeLessThanOrEqual(2);
  });

  it('puts things where the unaveraged warp would put them', () => {
    const spot = drawn(300, 200, (x, y) => (Math.hypot(x - 150, y - 90) < 20 ? [255, 255, 255] : [0, 0, 0]));
    const { data } = warpBySimilarity(spot, { a: 0.3, b: 0, tx: 5, ty: 2 }, 64);
    let [sum, sumX, sumY] = [0, 0, 0];
    for (let i = 0; i < 64 * 64; i++) {
      sum += data[4 * i]!;
      sumX += data[4 * i]! * ((i % 64) + 0.5);
      sumY += data[4 * i]! * (Math.floor(i / 64) + 0.5);
    }
    expect(Math.abs(sumX / sum - (150.5 * 0.3 + 5))).toBeLessThan(0.05);
    expect(Math.abs(sumY / sum - (90.5 * 0.3 + 2))).toBeLessThan(0.05);
  });

  it('is black where the picture does not reach', () => {
    const crop = warpBySimilarity(picture(60, 40), { a: 0.2, b: 0, tx: 500, ty: 500 }, 8);
    expect([...crop.data]).toEqual(Array.from({ length: 64 }, () => [0, 0, 0, 255]).flat());
  });
});

describe('resample', () => {
  it('enlarges as Pillow’s bicubic does, away from the edges, also from a fractional region', () => {
    for (const { box, width, height, rgb } of fixture.enlargements) {
      const [left = 0, top = 0, right = 0, bottom = 0] = box;
      const region = { left, top, width: right - left, height: bottom - top };
      const image = resampleRegion(picture(24, 18), region, width, height);
      // Pillow rounds its weights to 8 bits and between the passes.
      expect(largestDifference(image, rgb)).toBeLessThanOrEqual(2);
    }
  });

  it('shrinks by the mean of the covered area, also of parts of pixels', () => {
    const row = drawn(3, 1, (x) => [[0], [90], [210]][x]!.concat([0, 0]));
    // Each output covers 1.5 source pixels: (0·1 + 90·½)/1.5 and (90·½ + 210·1)/1.5.
    const { data } = resample(row, 2, 1);
    expect([data[0], data[4]]).toEqual([30, 170]);
  });

  it('keeps the mean brightness and leaves an equal size alone', () => {
    const image = picture(97, 61);
    const mean = ({ data }: PixelImage) =>
      data.reduce((sum, value, i) => sum + (i % 4 === 1 ? value : 0), 0) / (data.length / 4);
    expect(mean(resample(image, 31, 17))).toBeCloseTo(mean(image), 0);
    expect(resample(image, 97, 61).data).toEqual(image.data);
  });

  it('survives one-pixel pictures and does not overshoot beyond 0..255', () => {
    const one = drawn(1, 1, () => [10, 20, 30]);
    expect([...resample(one, 2, 3).data.slice(0, 4)]).toEqual([10, 20, 30, 255]);
    const edge = resample(
      drawn(4, 4, (x) => Array.from({ length: 3 }, () => (x < 2 ? 0 : 255))),
      16,
      16,
    );
    expect(Math.max(...edge.data)).toBe(255);
    expect([...resample(picture(50, 40), 1, 1).data.slice(3)]).toEqual([255]);
  });
});

describe('cover-crop', () => {
  it('has the asked aspect, lies in the picture and is centred as far as that allows', () => {
    expect(coverRegion(100, 50, 1, { x: 50, y: 25 })).toEqual({ left: 25, top: 0, width: 50, height: 50 });
    expect(coverRegion(100, 50, 1, { x: 95, y: 0 })).toEqual({ left: 50, top: 0, width: 50, height: 50 });
    expect(coverRegion(100, 50, 4, { x: 0, y: 40 })).toEqual({ left: 0, top: 25, width: 100, height: 25 });
    expect(coverRegion(100, 50, 2, { x: 3, y: 3 })).toEqual({ left: 0, top: 0, width: 100, height: 50 });
  });

  it('knows how much of a face is left', () => {
    const box = { left: 0, top: 0, right: 10, bottom: 10 };
    expect(visibleShare(box, { left: 0, top: 0, width: 20, height: 20 })).toBe(1);
    expect(visibleShare(box, { left: 5, top: 5, width: 20, height: 20 })).toBe(0.25);
    expect(visibleShare(box, { left: 50, top: 5, width: 20, height: 20 })).toBe(0);
  });
});

describe('padding', () => {
  it('reflects without repeating the edge, back and forth', () => {
    const row = drawn(3, 1, (x) => [x, x, x]);
    const { data } = padByReflection(row, 8, 2);
    expect([...data].filter((_, i) => i % 4 === 0)).toEqual([0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
    expect(
      padByReflection(
        drawn(1, 1, () => [7, 7, 7]),
        2,
        2,
      ).data[12],
    ).toBe(7);
  });

  it('is undone by cropping', () => {
    const image = picture(13, 9);
    expect(cropTopLeft(padByReflection(image, 32, 16), 13, 9).data).toEqual(image.data);
  });
});

describe('tensors', () => {
  it('normalises by channel in the asked order and comes back', () => {
    const image = picture(5, 3);
    const { data, dims } = imageToTensor(image, { mean: [10, 20, 30], std: [2, 4, 5], order: 'bgr' });
    expect(dims).toEqual([1, 3, 3, 5]);
    expect(data[0]).toBeCloseTo((image.data[2]! - 10) / 2, 5);
    expect(data[2 * 15 + 7]).toBeCloseTo((image.data[4 * 7]! - 30) / 5, 5);
    expect(imageFromPlanes(imageToTensor(image, SIGNED_UNIT).data, 5, 3).data).toEqual(image.data);
  });

  it('clamps what lies outside', () => {
    expect([...imageFromPlanes(new Float32Array([-3, 0, 3]), 1, 1).data]).toEqual([0, 128, 255, 255]);
  });

  it('letterboxes at the top left with 0 after normalisation', () => {
    const white = drawn(40, 20, () => [255, 255, 255]);
    const spec = { ...SIGNED_UNIT, width: 16, height: 16 };
    const { input, scale } = letterbox(white, spec, 0.5);
    expect(scale).toBe(0.2);
    const values = input.data as Float32Array;
    const plane = Array.from({ length: 256 }, (_, i) => values[i]!);
    plane.forEach((value, i) => expect(value).toBe(i % 16 < 8 && i < 64 ? 1 : 0));
  });
});

describe('flattenAlpha', () => {
  it('puts white behind transparent pixels and leaves opaque pictures as they are', () => {
    const image = { width: 1, height: 1, data: new Uint8ClampedArray([100, 0, 200, 51]) };
    expect([...flattenAlpha(image).data]).toEqual([224, 204, 244, 255]);
    const opaque = picture(4, 4);
    expect(flattenAlpha(opaque)).toBe(opaque);
  });
});

describe('previewLatent', () => {
  it('is matrix · latent + bias per cell', () => {
    const preview = {
      matrix: [
        [0.5, 0],
        [0, 0.25],
        [1, 1],
      ] as [number[], number[], number[]],
      bias: [0.5, 0.5, 0] as [number, number, number],
    };
    const { data } = previewLatent(new Float32Array([0.4, -1, 0.8, 2]), preview, 2, 1);
    expect([...data]).toEqual([179, 179, 255, 255, 0, 255, 255, 255]);
  });
});
