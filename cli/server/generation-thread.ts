/** The generation thread of `serve`: the browser worker's service over onnxruntime-node, whose runs block their thread. */
import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { computeBudget } from '../../src/domain/compute-budget.ts';
import { installErrorTransfer } from '../../src/engine/error-transfer.ts';
import type { WorkerSetup } from '../../src/engine/generation-api.ts';
import { GenerationService, type GenerationParts, type Model } from '../../src/engine/generation-service.ts';
import { readImageSource } from '../../src/engine/image-source.ts';
import { generate } from '../../src/pipeline/generate.ts';
import { checkKnownWords } from '../../src/pipeline/known-words.ts';
import { detectFaces } from '../../src/pipeline/stages/face-detection.ts';
import { openTokenizer } from '../../src/pipeline/tokenizer.ts';
import { openNodeBundle } from '../node-bundle-files.ts';
import { nodeImageCodec } from '../node-image-codec.ts';
import { createNodeRunner } from '../node-session-runner.ts';
import { guardedFetch } from './guarded-fetch.ts';
import type { ThreadData } from './spawn-thread.ts';

const { folders, cores = availableParallelism() } = workerData as ThreadData;

function assemble({ inferenceType }: WorkerSetup): GenerationParts {
  const budget = computeBudget(inferenceType, { kind: 'node-cpu', cores, crossOriginIsolated: false });
  const fetchPicture = guardedFetch();

  async function load(id: string): Promise<Model> {
    const bundle = await openNodeBundle(folders[id]!);
    const runner = createNodeRunner(bundle, { threads: budget.threads });
    const tokenizer = await openTokenizer(bundle);
    return {
      about: { manifest: bundle.manifest, notKept: null },
      checkPrompt: (text) => checkKnownWords('prompt', text, bundle.manifest.text.knownWords, tokenizer).adjustments,
      findFaces: (image) => detectFaces({ bundle, runner }, image),
      generate: (input) => generate({ ...input, bundle, runner, tokenizer, budget }),
      close: () => runner.close(),
    };
  }

  return {
    codec: nodeImageCodec,
    readImage: (source, signal) => readImageSource(source, signal, fetchPicture),
    device: () => Promise.reject(new Error('Nobody asks a server for its device.')),
    load,
  };
}

installErrorTransfer();
expose(new GenerationService(assemble, Promise.resolve(null)), nodeEndpoint(parentPort!));
