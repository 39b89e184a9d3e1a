/** The generation worker's composition root: which parts make up the service, and how the page reaches it. */
import { expose } from 'comlink';
import { computeBudget, type ComputeBudget } from '../src/domain/compute-budget.ts';
import { browserImageCodec } from '../src/engine/browser-image-codec.ts';
import { installErrorTransfer } from '../src/engine/error-transfer.ts';
import type { WorkerSetup } from '../src/engine/generation-api.ts';
import {
  GenerationService,
  type GenerationParts,
  type LoadOptions,
  type Model,
} from '../src/engine/generation-service.ts';
import { readImageSource } from '../src/engine/image-source.ts';
import { holdWorkerLock } from '../src/engine/worker-lock.ts';
import { keepInUse } from '../src/model-store/keep-in-use.ts';
import { openModel } from '../src/model-store/open-model.ts';
import { browserStoreParts } from '../src/model-store/store-parts.ts';
import { generate } from '../src/pipeline/generate.ts';
import { detectFaces } from '../src/pipeline/stages/face-detection.ts';
import { checkKnownWords } from '../src/pipeline/known-words.ts';
import { openTokenizer } from '../src/pipeline/tokenizer.ts';
import { createRunner } from '../src/runtime/create-runner.ts';
import { openBackend, type Backend } from '../src/runtime/open-backend.ts';
import { openKeyValueStore } from '../src/storage/key-value-store.ts';

function assemble({ modelsUrl, inferenceType, backend: wish, verifyAll }: WorkerSetup): GenerationParts {
  const machine = { cores: navigator.hardwareConcurrency, crossOriginIsolated };
  const budgetFor = (kind: Backend['info']['kind']): ComputeBudget =>
    computeBudget(inferenceType, { kind, ...machine });
  const opening = openBackend({ wish, cpuThreads: budgetFor('wasm').threads });
  opening.catch(() => undefined); // told by the calls that need it

  const store = browserStoreParts();

  async function load(id: string, { onProgress, signal }: LoadOptions): Promise<Model> {
    const [{ bundle, notKept }, backend] = await Promise.all([
      openModel(store, {
        id,
        baseUrl: new URL(`${id}/`, modelsUrl).href,
        verifyAll,
        signal,
        onProgress: ({ verifiedBytes, totalBytes }) => onProgress(verifiedBytes, totalBytes),
      }),
      opening,
    ]);
    const endUse = keepInUse(store, id);
    const budget = budgetFor(backend.info.kind);
    const verdicts = openKeyValueStore<boolean>('likeness-half-precision');
    const runner = createRunner(backend, bundle, { weightLimit: budget.gpuBytes, verdicts });
    const tokenizer = await openTokenizer(bundle);
    return {
      about: { manifest: bundle.manifest, notKept: notKept?.code ?? null },
      checkPrompt: (text) => checkKnownWords('prompt', text, bundle.manifest.text.knownWords, tokenizer).adjustments,
      findFaces: (image) => detectFaces({ bundle, runner }, image),
      generate: (input) => generate({ ...input, bundle, runner, tokenizer, budget }),
      close: () => runner.close().finally(endUse),
    };
  }

  async function device() {
    const { info, build } = await opening;
    return { backend: info, engineBuild: build, budget: budgetFor(info.kind), crossOriginIsolated };
  }

  return { codec: browserImageCodec, readImage: readImageSource, device, load };
}

installErrorTransfer();
expose(new GenerationService(assemble, holdWorkerLock()));
