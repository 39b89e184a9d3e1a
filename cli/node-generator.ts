/** The whole pipeline in Node: one bundle folder, its networks on onnxruntime's CPU provider. */
import { availableParallelism } from 'node:os';
import { modelLimits } from '../src/bundle/model-limits.ts';
import { computeBudget } from '../src/domain/compute-budget.ts';
import { normaliseRequest, type RequestInput } from '../src/domain/normalise-request.ts';
import type { GenerationRequest } from '../src/domain/request.ts';
import { randomSeed } from '../src/domain/seeds.ts';
import type { GenerationEvent, GenerationOutcome } from '../src/domain/task.ts';
import { readImageSource } from '../src/engine/image-source.ts';
import { generate } from '../src/pipeline/generate.ts';
import { openTokenizer } from '../src/pipeline/tokenizer.ts';
import type { ClosableRunner } from '../src/runtime/session-runner.ts';
import { openNodeBundle } from './node-bundle-files.ts';
import { nodeImageCodec } from './node-image-codec.ts';
import { createNodeRunner } from './node-session-runner.ts';

export interface NodeGeneration {
  readonly request: GenerationRequest;
  readonly outcome: GenerationOutcome;
}

export interface NodeGenerator {
  /** Checks the wish and makes its images. Throws the AppErrors of normalising, of the pictures and of the pipeline. */
  generate(input: RequestInput, options?: GenerateOptions): Promise<NodeGeneration>;
  close(): Promise<void>;
}

export interface GenerateOptions {
  /** The person's embedding, in place of that of the pictures' faces. */
  readonly embedding?: Float32Array | undefined;
  readonly onEvent?: (event: GenerationEvent) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens a compiled bundle. `threads`: CPU threads per network; by default as many as the inference type takes of all
 * cores. Another number of threads adds up in another order: the same pixels come of the same number only.
 */
export async function openNodeGenerator(folder: string, threads?: number): Promise<NodeGenerator> {
  const bundle = await openNodeBundle(folder);
  const tokenizer = await openTokenizer(bundle);
  const device = { kind: 'node-cpu', cores: availableParallelism(), crossOriginIsolated: false } as const;
  let runner: ClosableRunner | null = null;
  let tasks = 0;

  const runnerWith = async (wanted: number): Promise<ClosableRunner> => {
    if (runner?.backend.threads === wanted) return runner;
    await runner?.close();
    runner = createNodeRunner(bundle, { threads: wanted });
    return runner;
  };
  return {
    generate: async (input, { embedding, onEvent, signal } = {}) => {
      const { request, adjustments } = normaliseRequest(input, modelLimits(bundle.manifest), randomSeed);
      const sources = [request.image, ...request.referenceImages];
      const pictures = [];
      for (const source of sources) pictures.push(await nodeImageCodec.decode(await readImageSource(source, signal)));
      const [reference, ...moreReferences] = pictures;
      const budget = computeBudget(request.inferenceType, device);
      const outcome = await generate({
        taskId: `node-${tasks++}`,
        bundle,
        runner: await runnerWith(threads ?? budget.threads),
        tokenizer,
        budget,
        request,
        adjustments,
        reference: reference!,
        moreReferences,
        embedding,
        emit: onEvent ?? (() => undefined),
        signal,
      });
      return { request, outcome };
    },
    close: async () => runner?.close(),
  };
}
