import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import { computeBudget, type ComputeBudget } from '../../../src/domain/compute-budget.ts';
import { isAppError, type AppError } from '../../../src/domain/errors.ts';
import type { GenerationRequest } from '../../../src/domain/request.ts';
import type { GenerationEvent } from '../../../src/domain/task.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import type { GenerateInput } from '../../../src/pipeline/run.ts';
import { openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { drawSquares, FakeRunner, makeFakeBundle } from './fake-bundle.ts';
import { makeRequest } from './make-request.ts';

const DEVICE = { kind: 'wasm', cores: 4, crossOriginIsolated: true } as const;
export const RESIDENT = computeBudget('a100', DEVICE);
export const TOGETHER = computeBudget('h100', DEVICE);
export const ECONOMY = computeBudget('a10g', DEVICE);
export const ONE_FACE = drawSquares(128, 128, [{ x: 40, y: 32, side: 48 }]);

interface Setup {
  readonly request?: Partial<GenerationRequest>;
  readonly manifest?: Partial<BundleManifest>;
  readonly budget?: ComputeBudget;
  readonly input?: Partial<GenerateInput>;
}

/** `generate` with the fake bundle and runner, one face and plain values; a test changes what it is about. */
export async function run(setup: Setup = {}) {
  const bundle = await makeFakeBundle(setup.manifest);
  const runner = (setup.input?.runner as FakeRunner | undefined) ?? new FakeRunner();
  const events: GenerationEvent[] = [];
  const outcome = await generate({
    taskId: 'task',
    bundle,
    runner,
    tokenizer: await openTokenizer(bundle),
    budget: setup.budget ?? RESIDENT,
    request: makeRequest(setup.request),
    adjustments: [],
    reference: ONE_FACE,
    moreReferences: [],
    emit: (event) => events.push(event),
    ...setup.input,
  });
  const reasons = outcome.adjustments.map(({ reason }) => reason);
  return { outcome, runner, events, reasons, pixels: outcome.images.map(({ image }) => image.data) };
}

/** The AppError of a run that has to fail. */
export async function failure(setup: Setup): Promise<AppError> {
  try {
    await run(setup);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('expected a failure');
}
