import type { BundleManifest } from '../bundle/manifest.ts';
import { AppError } from '../domain/errors.ts';

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
 * Throws AppError `bundle-invalid` when latents have no whole size, because `multiple` is none of `downscale`.
 */
export function renderSize(
  { native, latent }: Pick<BundleManifest, 'native' | 'latent'>,
  width: number,
  height: number,
): RenderSize {
  if (native.multiple % latent.downscale !== 0) {
    const numbers = `native.multiple (${native.multiple}) has to be a multiple of latent.downscale (${latent.downscale})`;
    throw new AppError('bundle-invalid', `bundle.json: ${numbers}.`);
  }
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
