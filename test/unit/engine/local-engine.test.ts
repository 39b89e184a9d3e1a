import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { PixelImage } from '../../../src/domain/image.ts';
import type { EngineCapabilities } from '../../../src/domain/ports.ts';
import { seedOfImage } from '../../../src/domain/seeds.ts';
import type { GenerationParts, Model } from '../../../src/engine/generation-service.ts';
import type { WorkerSetup } from '../../../src/engine/generation-api.ts';
import { LocalEngine } from '../../../src/engine/local-engine.ts';
import { EngineDouble } from '../../fixtures/engine-double.ts';
import { makeTask } from '../../fixtures/make-task.ts';
import { WorkerDouble } from '../../fixtures/worker-double.ts';
import { engineContract, settle, type EngineUnderTest } from './engine-contract.ts';

const PIXELS: PixelImage = { width: 1, height: 1, data: new Uint8ClampedArray(4) };

/** A local engine whose workers draw nothing, and the switches by which a test disturbs them. */
class Bench implements EngineUnderTest {
  readonly workers: WorkerDouble[] = [];
  readonly setups: WorkerSetup[] = [];
  readonly engine: LocalEngine;
  lockFreed: () => void = () => undefined;
  #error: AppError | null = null;
  #held: Promise<void> = Promise.resolve();
  loads = 0;
  closed = 0;
  failLoading = false;
  /** A download that never ends by itself. */
  holdLoading = false;
  stoppedLoads = 0;

  constructor() {
    this.engine = new LocalEngine({
      spawn: () => {
        const worker = new WorkerDouble((setup) => this.#assemble(setup));
        this.workers.push(worker);
        return worker;
      },
      setup: { modelsUrl: 'https://example.test/models/', inferenceType: 'a100', backend: 'auto' },
      lockWatch: (_lock, signal) =>
        new Promise((resolve, reject) => {
          this.lockFreed = resolve;
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    });
  }

  hold(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  failWith(error: AppError): void {
    this.#error = error;
  }

  #assemble(setup: WorkerSetup): GenerationParts {
    this.setups.push(setup);
    return {
      codec: {
        decode: () => Promise.resolve(PIXELS),
        encode: () => Promise.resolve(new Blob(['png'])),
      },
      readImage: (source) => Promise.resolve(source.kind === 'blob' ? source.blob : new Blob([source.url])),
      device: () => Promise.resolve({} as EngineCapabilities),
      load: (_bundle, { onProgress, signal }) => {
        this.loads += 1;
        if (this.failLoading) return Promise.reject(new AppError('download-failed', 'Not there.'));
        onProgress(1, 2);
        if (!this.holdLoading) return Promise.resolve(this.#model());
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            this.stoppedLoads += 1;
            reject(new AppError('cancelled', 'Stopped.'));
          });
        });
      },
    };
  }

  #model(): Model {
    return {
      about: { manifest: { id: 'test' } as BundleManifest, notKept: null },
      checkPrompt: (text) => [{ field: 'prompt', from: [text], to: [null], reason: 'unknown-words' }],
      findFaces: () => Promise.resolve([]),
      close: () => {
        this.closed += 1;
        return Promise.resolve();
      },
      generate: async ({ request, only, adjustments, emit, signal, taskId }) => {
        const images = [];
        for (const index of only ?? Array.from({ length: request.batch }, (_, i) => i)) {
          const progress = { stage: 'denoise', image: index, images: request.batch, step: 0, steps: 1 } as const;
          emit({ type: 'progress', taskId, progress: { ...progress, progress: 0, etaMs: null } });
          const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          await Promise.race([this.#held, aborted]);
          if (signal.aborted) throw new AppError('cancelled', 'Cancelled.');
          const error = this.#error;
          this.#error = null;
          if (error !== null) throw error;
          const result = { index, seed: seedOfImage(request.seed, index), image: { ...PIXELS }, likeness: null };
          images.push(result);
          emit({ type: 'image', taskId, result });
        }
        return { images, adjustments, timings: {}, startupMs: 0, runtimeMs: 1 };
      },
    };
  }
}

const benches: Bench[] = [];
function makeBench(): Bench {
  const bench = new Bench();
  benches.push(bench);
  return bench;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const bench of benches.splice(0)) await bench.engine.close();
});

describe('LocalEngine', () => {
  engineContract(makeBench);

  it('loads a model once, and tells how far it is', async () => {
    const bench = makeBench();
    const told: number[] = [];
    bench.engine.subscribeToLoading((event) => told.push(event.loadedBytes));
    await bench.engine.loadModel('test');
    await bench.engine.submit(makeTask('a'));
    await settle();
    expect(bench.loads).toBe(1);
    expect(told).toEqual([1]);
  });

  it('tells which models are loaded, and what they make of a prompt', async () => {
    const { engine } = makeBench();
    expect((await engine.capabilities()).bundles).toEqual([]);
    expect(await engine.checkPrompt('test', 'xyz')).toMatchObject([{ from: ['xyz'] }]);
    expect((await engine.capabilities()).bundles).toEqual(['test']);
  });

  it('tries again to load a model that could not be loaded', async () => {
    const bench = makeBench();
    bench.failLoading = true;
    await expect(bench.engine.loadModel('test')).rejects.toMatchObject({ code: 'download-failed' });
    bench.failLoading = false;
    expect((await bench.engine.loadModel('test')).manifest.id).toBe('test');
  });

  it('cancels a task while its model loads, stops the download and keeps the worker', async () => {
    const bench = makeBench();
    bench.holdLoading = true;
    const running = bench.engine.submit(makeTask('a'));
    await settle();
    await bench.engine.cancel('a');
    expect(await running).toEqual({ status: 'cancelled' });
    expect(bench.stoppedLoads).toBe(1);
    bench.holdLoading = false;
    expect(await bench.engine.submit(makeTask('b'))).toMatchObject({ status: 'done' });
    expect(bench.workers).toHaveLength(1);
  });

  it('goes on loading for others when one task is cancelled meanwhile', async () => {
    const bench = makeBench();
    bench.holdLoading = true;
    const loading = bench.engine.loadModel('test');
    loading.catch(() => undefined);
    const running = bench.engine.submit(makeTask('a', { appId: 'test' }));
    await settle();
    await bench.engine.cancel('a');
    expect(await running).toEqual({ status: 'cancelled' });
    expect(bench.stoppedLoads).toBe(0);
  });

  it('holds one model at a time: another takes its place, and one that still loads gives way', async () => {
    const bench = makeBench();
    await bench.engine.loadModel('one');
    await bench.engine.loadModel('two');
    expect([bench.loads, bench.closed]).toEqual([2, 1]);
    expect((await bench.engine.capabilities()).bundles).toEqual(['two']);
    bench.holdLoading = true;
    const slow = bench.engine.loadModel('slow');
    slow.catch(() => undefined);
    await settle();
    bench.holdLoading = false;
    expect((await bench.engine.loadModel('one')).manifest.id).toBe('test');
    await expect(slow).rejects.toMatchObject({ code: 'cancelled' });
    expect(bench.workers).toHaveLength(1);
  });

  it('waits with another model until the running task is done', async () => {
    const bench = makeBench();
    const release = bench.hold();
    const running = bench.engine.submit(makeTask('a', { appId: 'one' }));
    await settle();
    const other = bench.engine.loadModel('two');
    await settle();
    expect([bench.loads, bench.closed]).toEqual([1, 0]);
    release();
    await Promise.all([running, other]);
    expect([bench.loads, bench.closed]).toEqual([2, 1]);
  });

  it('has everything that is stored looked through after a crash', async () => {
    const bench = makeBench();
    await bench.engine.loadModel('test');
    bench.hold();
    const running = bench.engine.submit(makeTask('a'));
    await settle();
    bench.workers[0]!.crash('out of luck');
    await running.catch(() => undefined);
    await bench.engine.loadModel('test');
    expect(bench.setups.map(({ verifyAll }) => verifyAll)).toEqual([false, true]);
  });

  it('fails the running task when the worker crashes, and starts a new one for the next', async () => {
    const bench = makeBench();
    bench.hold();
    const running = bench.engine.submit(makeTask('a'));
    await settle();
    bench.workers[0]!.crash('out of luck');
    await expect(running).rejects.toMatchObject({ code: 'worker-crashed', retryable: true });
    bench.hold()();
    expect(await bench.engine.submit(makeTask('b'))).toMatchObject({ status: 'done' });
    expect(bench.workers).toHaveLength(2);
  });

  it('learns of a silent death from the lock', async () => {
    const bench = makeBench();
    bench.hold();
    const running = bench.engine.submit(makeTask('a'));
    await settle();
    bench.lockFreed();
    await expect(running).rejects.toMatchObject({ code: 'worker-crashed' });
  });

  it.each(['device-lost', 'backend-unavailable'] as const)('replaces a worker after %s', async (code) => {
    const bench = makeBench();
    bench.failWith(new AppError(code, 'Gone.'));
    await expect(bench.engine.submit(makeTask('a'))).rejects.toMatchObject({ code });
    expect(bench.workers[0]!.terminated).toBe(true);
    expect(await bench.engine.submit(makeTask('b'))).toMatchObject({ status: 'done' });
  });

  it('starts one worker for calls that come together', async () => {
    const bench = makeBench();
    await Promise.all([bench.engine.capabilities(), bench.engine.loadModel('test'), bench.engine.capabilities()]);
    expect(bench.workers).toHaveLength(1);
  });

  it('gives another compute budget its own worker', async () => {
    const bench = makeBench();
    await bench.engine.submit(makeTask('a'));
    await bench.engine.submit(makeTask('b', { inferenceType: 'a10g' }));
    expect(bench.setups.map(({ inferenceType }) => inferenceType)).toEqual(['a100', 'a10g']);
    expect(bench.workers[0]!.terminated).toBe(true);
  });

  it('ends a worker that does not answer within five seconds of a cancel', async () => {
    const bench = makeBench();
    bench.hold();
    const running = bench.engine.submit(makeTask('a'));
    await settle();
    bench.workers[0]!.freeze();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const cancelled = bench.engine.cancel('a');
    await vi.advanceTimersByTimeAsync(4_000);
    expect(bench.workers[0]!.terminated).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    await cancelled;
    expect(bench.workers[0]!.terminated).toBe(true);
    expect(await running).toEqual({ status: 'cancelled' });
  });
});

describe('EngineDouble', () => {
  engineContract(() => {
    const engine = new EngineDouble();
    let release: () => void = () => undefined;
    return {
      engine,
      hold() {
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        engine.gate = () => held;
        return () => {
          engine.gate = () => Promise.resolve();
          release();
        };
      },
      failWith(error) {
        engine.gate = () => {
          engine.gate = () => Promise.resolve();
          return Promise.reject(error);
        };
      },
    };
  });
});
