import type { ModelBundle } from '../bundle/open-bundle.ts';
import type { ComputeBudget } from '../domain/compute-budget.ts';
import type { PixelImage } from '../domain/image.ts';
import type { Role, SessionRunner } from '../domain/ports.ts';
import type { Adjustment, GenerationRequest } from '../domain/request.ts';
import type { GenerationEvent } from '../domain/task.ts';
import type { ProgressMeter } from './progress.ts';
import type { PromptTokenizer } from './tokenizer.ts';

export interface GenerateInput {
  readonly taskId: string;
  readonly bundle: ModelBundle;
  readonly runner: SessionRunner;
  readonly tokenizer: PromptTokenizer;
  readonly budget: ComputeBudget;
  readonly request: GenerationRequest;
  /** What normalising has told already; the pipeline's own follow. */
  readonly adjustments: readonly Adjustment[];
  /** Images of the batch to draw; absent = all. */
  readonly only?: readonly number[] | undefined;
  readonly reference: PixelImage;
  readonly moreReferences: readonly PixelImage[];
  /** The person's embedding, in place of that of the pictures' faces; any length but 0. Biometric: as the rest of it. */
  readonly embedding?: Float32Array | undefined;
  readonly emit: (event: GenerationEvent) => void;
  readonly signal?: AbortSignal | undefined;
  /** Time spent loading the model before; only passed on. */
  readonly startupMs?: number;
}

/** What all steps share. */
export interface Run extends GenerateInput {
  readonly meter: ProgressMeter;
  readonly found: Adjustment[];
}

/**
 * Work that needs these roles; a budget that holds one stage at a time releases them afterwards. When the work fails, its
 * error counts, not what releasing says.
 */
export async function withRoles<T>(run: Run, roles: readonly Role[], work: () => Promise<T>): Promise<T> {
  const release = async (): Promise<void> => {
    if (run.budget.sessions !== 'stage-by-stage') return;
    for (const role of roles) await run.runner.release(role);
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
  await release();
  return result;
}
