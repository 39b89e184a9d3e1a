import { afterAll, beforeAll, expect, it } from 'vitest';
import { LastingBrowser } from '../e2e/lasting-browser.ts';
import { Product } from '../e2e/product-test.ts';
import { disturb, DISTURBANCES, finishQueue, QUEUE_LENGTH, queueTwenty } from '../e2e/run-disturbed-queue.ts';
import { serveProduct } from '../e2e/serve-product.ts';
import { leaveFigures } from './figures.ts';

const COUNT = 50;
/** Enough that the queue is not through before the last disturbance. */
const WISH = { pictures: 6, steps: 50 };

let served: Awaited<ReturnType<typeof serveProduct>>;
beforeAll(async () => {
  served = await serveProduct();
});
afterAll(() => served.close());

it('50 reloads, ended workers and crashed pages in a queue of 20: each is drawn once, as if nothing had been', async () => {
  const disturbedBrowser = await LastingBrowser.open();
  const quietBrowser = await LastingBrowser.open();
  try {
    const bench = {
      product: await disturbedBrowser.openTab(served.url, '?app_id=tiny'),
      reopen: () => openAfterCrash(disturbedBrowser),
    };
    await queueTwenty(bench.product, WISH);
    const report = await disturb(bench, COUNT, DISTURBANCES, 1);
    const disturbed = await finishQueue(bench.product);

    const quiet = await quietBrowser.openTab(served.url, '?app_id=tiny');
    await queueTwenty(quiet, WISH);
    const undisturbed = await finishQueue(quiet);
    const keys = Object.keys(undisturbed.pictures);
    await leaveFigures('queue-kills', {
      disturbances: report.length,
      byKind: Object.fromEntries(DISTURBANCES.map((kind) => [kind, report.filter((one) => one.kind === kind).length])),
      seriesFinishedBeforeTheLast: report.at(-1)!.finishedBefore,
      series: QUEUE_LENGTH,
      done: disturbed.statuses.filter((status) => status === 'done').length,
      pictures: keys.length,
      picturesAsUndisturbed: keys.filter((key) => disturbed.pictures[key] === undisturbed.pictures[key]).length,
    });
    expect(report).toHaveLength(COUNT);
    expect(report.at(-1)!.finishedBefore).toBeLessThan(QUEUE_LENGTH);
    expect(disturbed.statuses).toEqual(Array.from({ length: QUEUE_LENGTH }, () => 'done'));
    expect(keys).toHaveLength(WISH.pictures * QUEUE_LENGTH);
    expect(disturbed.pictures).toEqual(undisturbed.pictures);
  } finally {
    await quietBrowser.close();
    await disturbedBrowser.close();
  }
});

/** As a person does: a page that ended while its model was loading asks before it loads it again. */
async function openAfterCrash(browser: LastingBrowser): Promise<Product> {
  const page = await browser.context.newPage();
  const product = new Product(page, served.url);
  await page.goto(`${served.url}?app_id=tiny`);
  const loadAnyway = page.getByRole('button', { name: 'Load the model' });
  await product.generateButton.and(page.locator(':enabled')).or(loadAnyway).first().waitFor();
  if (await loadAnyway.isVisible()) await loadAnyway.click();
  return product;
}
