import { expect } from '@playwright/test';
import type { Likeness } from '../../src/api/sdk.ts';
import { test } from './product-test.ts';

declare global {
  interface Window {
    readonly likeness: Likeness;
  }
}

test('a script of the page gets the pictures that the page itself would draw', async ({ page, product }) => {
  const ofScript = await page.evaluate(async () => {
    const { likeness } = window;
    const face = await (await fetch('samples/test-face.png')).blob();
    const bitmap = await createImageBitmap(face);
    const wish = { prompt: 'red hat', seed: 7, batch: 2, num_inference_steps: 4 };
    const tasks = [
      await likeness.getImageToImage({ ...wish, image: face }),
      await likeness.getImageToImage({ ...wish, image: URL.createObjectURL(face) }),
      await likeness.getImageToImage({ ...wish, image: new URL('samples/test-face.png', location.href).href }),
      await likeness.getImageToImage({ ...wish, image: bitmap }),
    ];
    const hash = async (url: string): Promise<string> => {
      const digest = await crypto.subtle.digest('SHA-256', await (await fetch(url)).arrayBuffer());
      return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    };
    return Promise.all(tasks.map(({ images }) => Promise.all(images.map(({ url }) => hash(url)))));
  });
  await expect(product.series).toHaveCount(4);
  await page.getByRole('button', { name: 'Clear all' }).click();
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await page.getByLabel('Seed').fill('7');
  await product.setPictures(2);
  await product.showMore();
  await page.getByLabel('Steps').fill('4');
  await product.generateButton.click();
  await product.finish();
  const ofPage = await product.hashes();
  expect(ofPage).toHaveLength(2);
  expect(ofScript).toEqual([ofPage, ofPage, ofPage, ofPage]);
});

test('a script’s task is cancelled by its signal between two steps, and found again after a reload', async ({
  page,
  product,
}) => {
  await expect(product.series).toHaveCount(0);
  const worker = page.workers()[0];
  const reason = await page.evaluate(async () => {
    const face = await (await fetch('samples/test-face.png')).blob();
    const controller = new AbortController();
    return window.likeness
      .getImageToImage(
        { image: face, prompt: 'red hat', batch: 8, num_inference_steps: 50 },
        {
          signal: controller.signal,
          onEvent: (event) => {
            if (event.type === 'image') controller.abort('enough');
          },
        },
      )
      .catch((error: unknown) => error);
  });
  expect(reason).toBe('enough');
  await expect(page.locator('[data-status=cancelled]')).toHaveCount(1);
  expect(page.workers()[0]).toBe(worker);

  const id = await page.evaluate(async () => {
    const face = await (await fetch('samples/test-face.png')).blob();
    return (await window.likeness.getImageToImage({ image: face, prompt: 'red hat', batch: 3, celery: true })).taskId;
  });
  await page.reload();
  const look = () =>
    page.evaluate(async (taskId) => {
      const task = await window.likeness.getTask(taskId);
      return { status: task?.status, images: task?.images.length };
    }, id);
  await expect.poll(look, { timeout: 60_000 }).toEqual({ status: 'SUCCESS', images: 3 });
});
