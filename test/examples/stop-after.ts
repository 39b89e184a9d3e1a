import type { Likeness, LikenessRequest, SucceededTask } from '../../src/api/sdk.ts';

/** Draws, but no longer than so many milliseconds; null when the time was up. */
export async function drawWithin(
  likeness: Likeness,
  request: LikenessRequest & { readonly celery?: false },
  milliseconds: number,
): Promise<SucceededTask | null> {
  const signal = AbortSignal.timeout(milliseconds);
  try {
    return await likeness.getImageToImage(request, { signal });
  } catch (error) {
    if (error === signal.reason) return null;
    throw error;
  }
}
