import { AppError } from '../domain/errors.ts';

/**
 * A picture that may wait in the queue: bitmaps become PNG files, and what a blob: address leads to is taken at once,
 * because the address ends with its page. Anything else is left to the request's own check.
 * @throws AppError `image-unreachable` for a blob: address that leads nowhere.
 */
export async function lastingPicture(picture: unknown): Promise<unknown> {
  if (typeof ImageBitmap !== 'undefined' && picture instanceof ImageBitmap) return toPng(picture);
  if (typeof picture !== 'string' || !/^blob:/i.test(picture)) return picture;
  try {
    return await (await fetch(picture)).blob();
  } catch (cause) {
    throw new AppError(
      'image-unreachable',
      'The blob: address of the picture leads nowhere; it may have been revoked.',
      {
        cause,
        details: { badAddress: true },
      },
    );
  }
}

async function toPng(bitmap: ImageBitmap): Promise<Blob> {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d');
  if (context === null) throw new AppError('out-of-memory', 'The browser gave no canvas; close other tabs.');
  context.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}
