/**
 * `npm run bench [-- --backend wasm|node --strength 0..1 --bundle FOLDER --image FILE --runs N]`: a warm generation in
 * Node, at the bundle's defaults where nothing else is said, as JSON on standard output: milliseconds per stage, in
 * graph runs, and outside them. `wasm` (the default) is the engine that the browser uses without a GPU, `node`
 * onnxruntime's native one. Compare numbers of one run only.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { modelLimits } from '../src/bundle/model-limits.ts';
import { computeBudget } from '../src/domain/compute-budget.ts';
import { normaliseRequest } from '../src/domain/normalise-request.ts';
import type { SessionRunner } from '../src/domain/ports.ts';
import type { GenerationOutcome } from '../src/domain/task.ts';
import { generate } from '../src/pipeline/generate.ts';
import { openTokenizer } from '../src/pipeline/tokenizer.ts';
import { openNodeBundle } from './node-bundle-files.ts';
import { nodeImageCodec } from './node-image-codec.ts';
import { createNodeRunner } from './node-session-runner.ts';
import { starterBundle } from './starter-bundle.ts';

const { values } = parseArgs({
  options: {
    bundle: { type: 'string' },
    image: { type: 'string', default: 'public/samples/face-1.webp' },
    prompt: { type: 'string', default: 'a person, smiling, wearing a red t-shirt, blue background' },
    runs: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    backend: { type: 'string', default: 'wasm' },
    strength: { type: 'string' },
  },
});
const runs = count('--runs', values.runs);
const threads = Math.min(availableParallelism(), count('--threads', values.threads));

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  console.error(`${option} needs a whole number from 1 on, not "${text}".`);
  process.exit(2);
}

/** The runner with its time in graph runs added up. */
function timed(runner: SessionRunner): { runner: SessionRunner; graphMs: () => number } {
  let total = 0;
  const watched: SessionRunner = {
    backend: runner.backend,
    run: async (...args) => {
      const start = performance.now();
      try {
        return await runner.run(...args);
      } finally {
        total += performance.now() - start;
      }
    },
    read: (tensor) => runner.read(tensor),
    dispose: (tensor) => runner.dispose(tensor),
    release: (role) => runner.release(role),
    residentBytes: () => runner.residentBytes(),
  };
  return { runner: watched, graphMs: () => total };
}

const round = (ms: number): number => Math.round(ms * 10) / 10;
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

const bundle = await openNodeBundle(values.bundle ?? (await starterBundle()));
const tokenizer = await openTokenizer(bundle);
if (values.backend !== 'wasm' && values.backend !== 'node') throw new Error('--backend must be wasm or node.');
const engine = values.backend === 'wasm' ? { ort: await import('onnxruntime-web'), kind: 'wasm' as const } : undefined;
const nodeRunner = createNodeRunner(bundle, { threads, ...(engine === undefined ? {} : { engine }) });
const { runner, graphMs } = timed(nodeRunner);
const image = new Blob([await readFile(values.image)]);
const reference = await nodeImageCodec.decode(image);
const wish = {
  image,
  prompt: values.prompt,
  seed: 1,
  ...(values.strength === undefined ? {} : { strength: Number(values.strength) }),
};
const { request, adjustments } = normaliseRequest(wish, modelLimits(bundle.manifest), () => 1);
const budget = computeBudget('a100', { kind: 'node-cpu', cores: threads, crossOriginIsolated: false });

async function once(): Promise<{ outcome: GenerationOutcome; totalMs: number; graphMs: number }> {
  const [start, graphBefore] = [performance.now(), graphMs()];
  const outcome = await generate({
    taskId: 'bench',
    bundle,
    runner,
    tokenizer,
    budget,
    request,
    adjustments,
    reference,
    moreReferences: [],
    emit: () => undefined,
  });
  return { outcome, totalMs: performance.now() - start, graphMs: graphMs() - graphBefore };
}

const cold = await once();
const warm: Awaited<ReturnType<typeof once>>[] = [];
for (let i = 0; i < runs; i++) warm.push(await once());
const outside = warm.map((run) => run.totalMs - run.graphMs);
const stages = Object.keys(cold.outcome.timings) as (keyof GenerationOutcome['timings'])[];
console.log(
  JSON.stringify(
    {
      bundle: bundle.manifest.id,
      backend: nodeRunner.backend.kind,
      processor: cpus()[0]?.model.trim(),
      threads,
      runs,
      steps: request.steps,
      guidance: request.guidanceScale,
      size: [request.width, request.height],
      coldMs: round(cold.totalMs),
      warmMs: round(median(warm.map((run) => run.totalMs))),
      graphMs: round(median(warm.map((run) => run.graphMs))),
      outsideGraphsMs: round(median(outside)),
      outsideGraphsShare: Math.round(median(warm.map((run) => 1 - run.graphMs / run.totalMs)) * 1e4) / 1e4,
      stagesMs: Object.fromEntries(
        stages.map((stage) => [stage, round(median(warm.map((run) => run.outcome.timings[stage] ?? 0)))]),
      ),
    },
    null,
    2,
  ),
);
await nodeRunner.close();
