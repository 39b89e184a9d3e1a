import type { BundleManifest } from '../bundle/manifest.ts';

/** At which size a bundle makes a picture of an asked size. */
export interface RenderSize {
  /** The picture before it is brought to the asked size. */
  readonly width: number;
  readonly height: number;
  /** What the networks compute: `width`×`height` rounded up to the bundle's multiple. */
  readonly workWidth: number;
  readonly workHeight: number;
  /** Whether the result has to be resampled to the asked size. */
  readonly native: boolean;
}

/**
 * A bundle whose manifest lists areas renders only those: the one nearest to the asked size in aspect, then in number of
 * pixels. Without a list it renders every size, rounded up to its multiple.
 */
export function renderSize({ native }: Pick<BundleManifest, 'native'>, width: number, height: number): RenderSize {
  const distance = ([areaWidth, areaHeight]: readonly [number, number]): readonly [number, number] => [
    Math.abs(Math.log(areaWidth / areaHeight / (width / height))),
    Math.abs(Math.log((areaWidth * areaHeight) / (width * height))),
  ];
  const [nearest] = [...native.areas].sort((a, b) => {
    const [aspectA, sizeA] = distance(a);
    const [aspectB, sizeB] = distance(b);
    return aspectA - aspectB || sizeA - sizeB;
  });
  const [renderWidth, renderHeight] = nearest ?? [width, height];
  const roundUp = (value: number): number => Math.ceil(value / native.multiple) * native.multiple;
  return {
    width: renderWidth,
    height: renderHeight,
    workWidth: roundUp(renderWidth),
    workHeight: roundUp(renderHeight),
    native: renderWidth !== width || renderHeight !== height,
  };
}
