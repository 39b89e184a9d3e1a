import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { build } from 'vite';
import { browserFlags } from '../../cli/browser-flags.ts';
import { findBrowser } from '../../cli/find-browser.ts';
import { serveDist } from '../../cli/serve-dist.ts';
import type { DenoiserGraph, GraphName } from './denoiser-graphs.ts';
import type { Count, CountRequest } from './page/count.worker.ts';

const PAGE = resolve(import.meta.dirname, 'page');
const OUT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-bench');

export interface CountedStep extends Count {
  readonly name: GraphName;
  readonly layout: CountRequest['layout'];
}

/** WebGPU dispatches of one step of each graph, in Chromium on the software adapter, by wrapping the pass encoder. */
export async function countDispatches(
  graphs: readonly DenoiserGraph[],
  layouts: readonly CountRequest['layout'][],
): Promise<CountedStep[]> {
  await build({
    root: PAGE,
    configFile: false,
    base: './',
    logLevel: 'warn',
    build: { outDir: OUT, emptyOutDir: true, target: 'es2022', reportCompressedSize: false, minify: false },
    worker: { format: 'es' },
  });
  await mkdir(join(OUT, 'graphs'));
  for (const { name, model, weights, feeds } of graphs) {
    const plain = Object.fromEntries(
      Object.entries(feeds).map(([key, { data, dims }]) => [key, { data: Array.from(data as Float32Array), dims }]),
    );
    await writeFile(join(OUT, 'graphs', `${name}.onnx`), model);
    await writeFile(join(OUT, 'graphs', weights.path), weights.data);
    await writeFile(join(OUT, 'graphs', `${name}.json`), JSON.stringify(plain));
  }
  const served = await serveDist(OUT);
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args: browserFlags({ softwareWebgpu: true }),
  });
  try {
    const page = await browser.newPage();
    await page.goto(served.url);
    const counted: CountedStep[] = [];
    for (const { name, weights } of graphs) {
      for (const layout of layouts) {
        const request: CountRequest = { name, weights: weights.path, layout };
        counted.push({ name, layout, ...(await page.evaluate((asked) => window.countDispatches(asked), request)) });
      }
    }
    return counted;
  } finally {
    await browser.close();
    await served.close();
  }
}
