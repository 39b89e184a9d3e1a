/**
 * The background's colour by the border of a picture, in OKLCH (Björn Ottosson 2020, https://bottosson.github.io/posts/oklab/),
 * judged by the rules of models/judge-protocol.json. The TypeScript twin of models/starter/background.py.
 */
import type { PixelImage } from '../../src/domain/image.ts';

export interface ColourRule {
  readonly lightness: readonly [number, number];
  readonly chroma: readonly [number, number];
  /** Degrees; may pass 360. Absent = any hue. */
  readonly hue?: readonly [number, number];
}

const BORDER = 0.06;

/** Median sRGB 0..1 of the top 6 % of the rows and of the outer 6 % of the columns of the upper half. */
export function borderColour({ width, height, data }: PixelImage): [number, number, number] {
  const strip = Math.max(1, Math.round(height * BORDER));
  const side = Math.max(1, Math.round(width * BORDER));
  const channels: [number[], number[], number[]] = [[], [], []];
  for (let y = 0; y < Math.floor(height / 2); y++) {
    for (let x = 0; x < width; x++) {
      if (y >= strip && x >= side && x < width - side) continue;
      channels.forEach((values, channel) => values.push(data[(y * width + x) * 4 + channel]!));
    }
  }
  return channels.map((values) => median(values) / 255) as [number, number, number];
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Lightness 0..1, chroma, hue in degrees. */
export function oklch(rgb: readonly [number, number, number]): { lightness: number; chroma: number; hue: number } {
  const [r, g, b] = rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const lightness = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
  const greenRed = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const blueYellow = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  const hue = (Math.atan2(blueYellow, greenRed) * 180) / Math.PI;
  return { lightness, chroma: Math.hypot(greenRed, blueYellow), hue: (hue + 360) % 360 };
}

export function obeys(picture: PixelImage, rule: ColourRule): boolean {
  const { lightness, chroma, hue } = oklch(borderColour(picture));
  const inside = (value: number, [low, high]: readonly [number, number]): boolean => value >= low && value <= high;
  if (!inside(lightness, rule.lightness) || !inside(chroma, rule.chroma)) return false;
  if (!rule.hue) return true;
  const [low, high] = rule.hue;
  const turn = (degrees: number): number => ((degrees % 360) + 360) % 360;
  return turn(hue - low) <= turn(high - low);
}
