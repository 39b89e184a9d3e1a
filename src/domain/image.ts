/** Pixels as they travel through the house: 8-bit RGBA, sRGB, row-major, straight alpha. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** width · height · 4 bytes. */
  readonly data: Uint8ClampedArray;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Five landmarks in pixels, in the order left eye, right eye, nose, left mouth corner, right mouth corner, as seen in the image. */
export type FacePoints = readonly [Point, Point, Point, Point, Point];

export interface FaceBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** One face found in (or placed by hand on) an image; pixels of that image, score 0..1. */
export interface DetectedFace {
  readonly box: FaceBox;
  readonly points: FacePoints;
  readonly score: number;
}
