/** A queue that is disturbed again and again, and what is left of it when it has ended. */
import { expect, type Page } from '@playwright/test';
import type { Product } from './product-test.ts';

export const DISTURBANCES = ['reload', 'worker ended', 'page crashed'] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

export const QUEUE_LENGTH = 20;
const SEED = 1000;
/** Words of the tiny bundle, so that every task has a prompt of its own. */
const PROMPTS = Array.from({ length: QUEUE_LENGTH }, (_, i) => `portrait of a person in a red hat, number ${i + 1}`);

export interface QueueEnd {
  /** SHA-256 of each picture, by prompt and seed. */
  readonly pictures: Readonly<Record<string, string>>;
  /** `finishedAt` of each task, by id. */
  readonly finishedAt: Readonly<Record<string, number>>;
  readonly statuses: readonly string[];
  /** Tasks that wait or run, and reference pictures that are kept for them. */
  readonly pending: number;
}

export interface Wish {
  /** Of each series. */
  readonly pictures: number;
  readonly steps: number;
}

/** Wishes for twenty series. */
export async function queueTwenty(product: Product, { pictures, steps }: Wish): Promise<void> {
  const { page } = product;
  await product.chooseSample();
  await product.prompt.fill(PROMPTS.join('\n'));
  await product.setPictures(pictures);
  await page.getByLabel('Seed').fill(String(SEED));
  await product.showMore();
  await page.getByLabel('Steps').fill(String(steps));
  await product.generateButton.click();
  await expect(product.series).toHaveCount(QUEUE_LENGTH);
  await expect.poll(async () => (await readStores(page)).pending).toBeGreaterThan(QUEUE_LENGTH - 3);
}

/** What the browser keeps, read past the page's own code. */
export async function readStores(page: Page): Promise<QueueEnd> {
  return page.evaluate(async () => {
    const read = (database: string): Promise<ReadonlyMap<string, unknown>> =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open(database);
        opening.onerror = () => reject(new Error(database));
        opening.onsuccess = () => {
          const entries = new Map<string, unknown>();
          if (!opening.result.objectStoreNames.contains('entries')) {
            resolve(entries);
            return;
          }
          const cursor = opening.result.transaction('entries').objectStore('entries').openCursor();
          cursor.onerror = () => reject(new Error(database));
          cursor.onsuccess = () => {
            const at = cursor.result;
            if (at === null) {
              opening.result.close();
              resolve(entries);
              return;
            }
            entries.set(at.key as string, at.value);
            at.continue();
          };
        };
      });
    const results = await read('likeness-results');
    const queue = await read('likeness-queue');
    interface Task {
      readonly taskId: string;
      readonly finishedAt: number;
      readonly request: { readonly prompt: string };
      readonly end: { readonly status: string };
    }
    const tasks = [...results].filter(([key]) => key.startsWith('task/')).map(([, value]) => value as Task);
    const pictures: Record<string, string> = {};
    for (const [key, value] of results) {
      const [kind, taskId] = key.split('/');
      const task = tasks.find((other) => other.taskId === taskId);
      if (kind !== 'image' || task === undefined) continue;
      const { seed, file } = value as { readonly seed: number; readonly file: Blob };
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
      const hash = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      pictures[`${task.request.prompt}/${seed}`] = hash;
    }
    return {
      pictures,
      finishedAt: Object.fromEntries(tasks.map(({ taskId, finishedAt }) => [taskId, finishedAt])),
      statuses: tasks.map(({ end }) => end.status),
      pending: [...queue.keys()].filter((key) => key.startsWith('task/')).length,
    };
  });
}

/** Lets the queue end by itself. */
export async function finishQueue(product: Product): Promise<QueueEnd> {
  await product.finish(300_000);
  await expect.poll(async () => (await readStores(product.page)).pending).toBe(0);
  return readStores(product.page);
}

/** `Product` in a tab that may be replaced when it has crashed. */
export interface Disturbed {
  product: Product;
  /** A new tab in place of the crashed one. */
  readonly reopen: () => Promise<Product>;
}

/**
 * Disturbs the queue `count` times at moments that a seed decides, while tasks are left. Throws when a task that had
 * finished is finished anew.
 */
export async function disturb(
  bench: Disturbed,
  count: number,
  kinds: readonly Disturbance[],
  seed: number,
): Promise<readonly { readonly kind: Disturbance; readonly finishedBefore: number }[]> {
  const report: { kind: Disturbance; finishedBefore: number }[] = [];
  for (let i = 0; i < count; i++) {
    const { page } = bench.product;
    await expect(page.locator('[data-status=running]'), `before disturbance ${i + 1}`).toHaveCount(1, {
      timeout: 60_000,
    });
    await new Promise((resolve) => setTimeout(resolve, 700 * fraction(seed + i)));
    const kind = kinds[i % kinds.length]!;
    const before = await readStores(page);
    report.push({ kind, finishedBefore: before.statuses.length });
    if (kind === 'reload') await page.reload();
    else if (kind === 'worker ended') await endWorker(page);
    else {
      const session = await page.context().newCDPSession(page);
      session.send('Page.crash').catch(() => undefined);
      await page.waitForEvent('crash');
      bench.product = await bench.reopen();
    }
    const after = await readStores(bench.product.page);
    expect(after.finishedAt).toMatchObject(before.finishedAt);
  }
  return report;
}

async function endWorker(page: Page): Promise<void> {
  const [worker] = page.workers().filter((candidate) => candidate.url().includes('generation'));
  if (worker === undefined) throw new Error('There is no generation worker to end.');
  await worker.evaluate(() => self.close()).catch(() => undefined); // it may not answer any more
  await expect.poll(() => page.workers().includes(worker), { timeout: 20_000 }).toBe(false);
}

/** 0 up to 1 from a whole number, the same every time. */
function fraction(seed: number): number {
  const mixed = Math.imul(Math.imul(seed ^ (seed >>> 7), 0x9e3779b1) ^ 0x5bd1e995, 0x85ebca6b) >>> 0;
  return mixed / 2 ** 32;
}
