import { describe, expect, it } from 'vitest';
import { initialPlacement, moveBox, movePoint, placementOf, resizeBox } from '../../../src/app/face-placement.ts';

const PICTURE = { width: 400, height: 300 };

describe('placing a face', () => {
  it('starts with five points inside a square inside the picture', () => {
    const { left, top, size, points } = initialPlacement(PICTURE);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left + size).toBeLessThanOrEqual(PICTURE.width);
    expect(top + size).toBeLessThanOrEqual(PICTURE.height);
    for (const { x, y } of points) {
      expect(x).toBeGreaterThan(left);
      expect(x).toBeLessThan(left + size);
      expect(y).toBeGreaterThan(top);
      expect(y).toBeLessThan(top + size);
    }
    const [leftEye, rightEye, nose, leftMouth] = points;
    expect(leftEye.x).toBeLessThan(rightEye.x);
    expect(nose.y).toBeGreaterThan(leftEye.y);
    expect(leftMouth.y).toBeGreaterThan(nose.y);
  });

  it('moves points with the box, and stops at the edges', () => {
    const start = initialPlacement(PICTURE);
    const moved = moveBox(start, 10, 5, PICTURE);
    expect(moved.points[2]).toEqual({ x: start.points[2].x + 10, y: start.points[2].y + 5 });
    const corner = moveBox(start, -1e6, -1e6, PICTURE);
    expect([corner.left, corner.top]).toEqual([0, 0]);
    expect(corner.points[0].x).toBeCloseTo(start.points[0].x - start.left);
  });

  it('scales points with the box, within the picture', () => {
    const start = moveBox(initialPlacement(PICTURE), -1e6, -1e6, PICTURE);
    const half = resizeBox(start, start.size / 2, PICTURE);
    expect(half.points[1].x).toBeCloseTo(start.points[1].x / 2);
    expect(resizeBox(start, 1e6, PICTURE).size).toBe(300);
    expect(resizeBox(start, -5, PICTURE).size).toBeCloseTo(15);
  });

  it('keeps a single point inside of the picture', () => {
    const moved = movePoint(initialPlacement(PICTURE), 4, { x: 1e6, y: -3 }, PICTURE);
    expect(moved.points[4]).toEqual({ x: 400, y: 0 });
  });

  it('puts a box around points that are known', () => {
    const { points } = initialPlacement(PICTURE);
    const placement = placementOf(points, PICTURE);
    expect(placement.points).toBe(points);
    for (const { x, y } of points) {
      expect(x).toBeGreaterThan(placement.left);
      expect(x).toBeLessThan(placement.left + placement.size);
      expect(y).toBeGreaterThan(placement.top);
      expect(y).toBeLessThan(placement.top + placement.size);
    }
  });
});
