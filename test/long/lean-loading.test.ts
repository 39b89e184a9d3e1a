/** An installed bundle of 1 GB: how long loading it takes, and how much memory beside the GPU's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build } from 'vite';
import { browserFlags } from '../../cli/browser-flags.ts';
import { findBrowser } from '../../cli/find-browser.ts';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import { leaveFigures } from './figures.ts';
import type { Build, LoadCall, Times } from './load-page/load.worker.ts';
import { browserMemory, peakMemory } from './process-memory.ts';

const OUT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-load-test');
const BUNDLE_BYTES = 4 * 256 * 2 ** 20;
const LARGEST_SESSION_BYTES = 256 * 2 ** 20;
const MB = 1e6;

let site: StaticServer;
let profile: string;

beforeAll(async () => {
  await build({
    root: resolve(import.meta.dirname, 'load-page'),
    configFile: false,
    base: './',
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, target: 'es2022', reportCompressedSize: false, minify: false },
    worker: { format: 'es' },
  });
  site = await serveDist(OUT);
  profile = await mkdtemp(join(tmpdir(), 'likeness-load-'));
});
afterAll(async () => {
  await site.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});

/** Each measurement has a browser of its own, so that none leaves memory to the next. */
async function inFreshBrowser<T>(work: (run: <R>(call: LoadCall) => Promise<R>, page: Page) => Promise<T>): Promise<T> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser(),
    args: browserFlags({ softwareWebgpu: true }),
  });
  try {
    const page = await context.newPage();
    await page.goto(site.url);
    return await work(
      async <R>(call: LoadCall) => (await page.evaluate((asked) => window.runLoad(asked), call)) as R,
      page,
    );
  } finally {
    await context.close();
  }
}

async function measure(build: Build) {
  const times = await inFreshBrowser((run) => run<Times>({ do: 'compare-loading', build }));
  return inFreshBrowser(async (run) => {
    await run({ do: 'open-backend', build });
    await new Promise((done) => setTimeout(done, 2000));
    const base = await browserMemory(profile);
    const { value, peak } = await peakMemory(profile, () => run<{ resident: number }>({ do: 'load', build }));
    const above = peak.browserAndRenderers - base.browserAndRenderers;
    const limit = build === 'jspi' ? 0.75 * BUNDLE_BYTES : 1.2 * LARGEST_SESSION_BYTES + 300 * MB;
    return {
      build,
      rawReadMs: Math.round(times.rawReadMs),
      createFromMemoryMs: Math.round(times.createMs),
      openMs: Math.round(times.openMs),
      loadMs: Math.round(times.loadMs),
      loadLimitMs: Math.round(times.rawReadMs + 1.2 * times.createMs),
      baseMB: Math.round(base.browserAndRenderers / MB),
      peakAboveBaseMB: Math.round(above / MB),
      peakAboveBaseLimitMB: Math.round(limit / MB),
      gpuProcessMB: { base: Math.round(base.gpu / MB), peak: Math.round(peak.gpu / MB) },
      residentWeightsMB: Math.round(value.resident / MB),
    };
  });
}

it('loads an installed bundle of 1 GB lean and fast', async () => {
  const bytes = await inFreshBrowser((run) => run<number>({ do: 'fill' }));
  expect(bytes).toBeGreaterThan(BUNDLE_BYTES);
  const figures = [await measure('jspi'), await measure('asyncify')];
  await leaveFigures('lean-loading', {
    bundleMB: Math.round(bytes / MB),
    largestSessionMB: Math.round(LARGEST_SESSION_BYTES / MB),
    builds: figures,
  });
  for (const { peakAboveBaseMB, peakAboveBaseLimitMB, loadMs, loadLimitMs, build: name } of figures) {
    expect(peakAboveBaseMB, `${name}: memory`).toBeLessThanOrEqual(peakAboveBaseLimitMB);
    expect(loadMs, `${name}: time`).toBeLessThanOrEqual(loadLimitMs);
  }
});

it('IndexedDB against the private file system, behind one interface', async () => {
  type StoreTimes = Record<'indexedDb' | 'opfs', { writeMs: number; readMs: number; blobMs: number }>;
  const { indexedDb, opfs } = await inFreshBrowser((run) =>
    run<StoreTimes>({ do: 'compare-stores', bytes: 384 * 2 ** 20 }),
  );
  const ratio = (key: keyof StoreTimes['opfs']) => Math.round((indexedDb[key] / opfs[key]) * 100) / 100;
  await leaveFigures('chunk-stores', {
    bytes: 384 * 2 ** 20,
    indexedDbTimesOpfs: { write: ratio('writeMs'), read: ratio('readMs'), readBlobInSlices: ratio('blobMs') },
    indexedDb,
    opfs,
  });
});
