/** Pixels in and out with what browsers have in a worker: createImageBitmap and OffscreenCanvas. */
import { AppError } from '../domain/errors.ts';
import { checkImageBytes } from '../domain/image-header.ts';
import type { PixelImage } from '../domain/image.ts';
import type { ImageCodec } from '../domain/ports.ts';
import type { OutputFormat } from '../domain/request.ts';
import { encodePng } from './encode-png.ts';

const LOSSY_QUALITY = 0.92;

export const browserImageCodec: ImageCodec = { decode, encode };

/** EXIF orientation is applied; transparency becomes white. */
async function decode(file: Blob): Promise<PixelImage> {
  const header = checkImageBytes(new Uint8Array(await file.arrayBuffer()));
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' }).catch((cause: unknown) => {
    throw new AppError('image-corrupt', 'The picture file is damaged; save or download it again.', {
      cause,
      details: { type: header.type },
    });
  });
  try {
    const { width, height } = bitmap;
    const canvas = drawingContext(width, height);
    canvas.fillStyle = '#fff';
    canvas.fillRect(0, 0, width, height);
    canvas.drawImage(bitmap, 0, 0);
    return { width, height, data: canvas.getImageData(0, 0, width, height).data };
  } finally {
    bitmap.close();
  }
}

/** PNG bytes are the same in every browser and in Node; WebP and JPEG are the browser's own. */
async function encode(image: PixelImage, format: OutputFormat): Promise<Blob> {
  const { width, height } = image;
  if (format === 'png') return new Blob([encodePng(image)], { type: 'image/png' });
  const canvas = drawingContext(width, height);
  canvas.putImageData(new ImageData(new Uint8ClampedArray(image.data), width, height), 0, 0);
  return canvas.canvas.convertToBlob({ type: `image/${format}`, quality: LOSSY_QUALITY });
}

function drawingContext(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null)
    throw new AppError('out-of-memory', 'The browser gave no canvas; close other tabs and try again.');
  return context;
}
