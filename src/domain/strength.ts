/**
 * The API's `strength` runs the other way round than the reference's: higher = closer to the reference picture.
 *
 * @param strength 0..1
 * @returns denoise δ (diffusers' `strength`), 1 at strength 0 (only the identity is kept) down to 0.1 at strength 1
 *   (very near the reference picture). δ = 1 − 0.9·strength.
 */
export function denoiseFromStrength(strength: number): number {
  return 1 - 0.9 * strength;
}
