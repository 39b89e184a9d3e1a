import type { GenerationRequest } from '../../../src/domain/request.ts';

/** A normalised request with plain values; tests change what they are about. */
export function makeRequest(changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    appId: 'tiny',
    image: { kind: 'url', url: 'https://example.org/face.png' },
    referenceImages: [],
    prompt: 'portrait of a person with red hat',
    negativePrompt: '',
    batch: 1,
    width: 64,
    height: 64,
    steps: 4,
    guidanceScale: 1,
    strength: 0.15,
    denoise: 0.865,
    faceStrength: 1,
    faceIndex: null,
    facePoints: null,
    keepBackground: false,
    minLikeness: null,
    maxAttempts: 1,
    seed: 1,
    scheduler: 'ddim',
    inferenceType: 'a100',
    celery: false,
    outputFormat: 'png',
    ...changes,
  };
}
