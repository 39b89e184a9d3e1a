/** Pixels in and out with sharp. */
import sharp from 'sharp';
import { AppError } from '../src/domain/errors.ts';
import { checkImageBytes, MAX_IMAGE_PIXELS } from '../src/domain/image-header.ts';
import type { PixelImage } from '../src/domain/image.ts';
import type { ImageCodec } from '../src/domain/ports.ts';
import type { OutputFormat } from '../src/domain/request.ts';
import { encodePng } from '../src/engine/encode-png.ts';

const LOSSY_QUALITY = 92;

export const nodeImageCodec: ImageCodec = { decode, encode };

/** PNG, JPEG or WebP → RGBA in sRGB; EXIF orientation is applied, transparency becomes white. */
async function decode(file: Blob): Promise<PixelImage> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { type } = checkImageBytes(bytes);
  try {
    const { data, info } = await sharp(bytes, { failOn: 'truncated', limitInputPixels: MAX_IMAGE_PIXELS })
      .autoOrient()
      .toColourspace('srgb')
      .flatten({ background: '#fff' })
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: Uint8ClampedArray.from(data) };
  } catch (cause) {
    throw new AppError('image-corrupt', 'The picture file is damaged; save or download it again.', {
      cause,
      details: { type },
    });
  }
}

/** PNG bytes are the same as in browsers; WebP and JPEG are sharp's own. */
async function encode(image: PixelImage, format: OutputFormat): Promise<Blob> {
  if (format === 'png') return new Blob([encodePng(image)], { type: 'image/png' });
  const { width, height, data } = image;
  const pixels = sharp(data, { raw: { width, height, channels: 4 } }).removeAlpha();
  const bytes = await pixels.toFormat(format, { quality: LOSSY_QUALITY }).toBuffer();
  return new Blob([Uint8Array.from(bytes)], { type: `image/${format}` });
}
