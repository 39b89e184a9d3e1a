import { expect } from '@playwright/test';
import { test } from './product-test.ts';

for (const width of [390, 820, 1440]) {
  test(`at ${width} pixels nothing is cut off, all has a name, and fingers can hit it`, async ({ page, product }) => {
    await page.setViewportSize({ width, height: 900 });
    await product.chooseSample();
    await product.showMore();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const controls = page.locator('button:visible, select:visible, textarea:visible, summary:visible, input:visible');
    const found = await controls.evaluateAll((elements) =>
      elements.map((element) => {
        const label = (element as HTMLInputElement).labels?.[0]?.textContent;
        const name =
          element.getAttribute('aria-label') ?? label ?? element.querySelector('img')?.alt ?? element.textContent;
        const target = element.closest('label') ?? element;
        const { width, height, right } = target.getBoundingClientRect();
        return { name, width, height, right, isFaceBox: element.classList.contains('face-box') };
      }),
    );
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter(({ name }) => name.trim() === '')).toEqual([]);
    expect(found.filter(({ right }) => right > width)).toEqual([]);
    // A found face is as large as it is in the picture.
    expect(found.filter(({ height, isFaceBox }) => !isFaceBox && height < 44)).toEqual([]);
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`${colorScheme}: text stands out from its ground`, async ({ page, product }) => {
    await page.emulateMedia({ colorScheme });
    await expect(product.generateButton).toBeVisible();
    const contrast = await page.evaluate(() => {
      const luminance = (colour: string): number => {
        const parts = /rgba?\((\d+), (\d+), (\d+)/.exec(colour)!.slice(1).map(Number);
        const [r, g, b] = parts.map((part) => {
          const value = part / 255;
          return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      // WCAG 2.2, relative luminance and contrast ratio.
      const ratio = (a: number, b: number): number => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const ground = (element: Element): string => {
        for (let at: Element | null = element; at !== null; at = at.parentElement) {
          const { backgroundColor } = getComputedStyle(at);
          if (backgroundColor !== 'rgba(0, 0, 0, 0)') return backgroundColor;
        }
        throw new Error('The page has no ground.');
      };
      return [...document.querySelectorAll('h1, h2, p, label, legend, summary, button:enabled, footer strong')]
        .filter((element) => element.textContent.trim() !== '')
        .map((element) => ({
          text: element.textContent,
          ratio: ratio(luminance(getComputedStyle(element).color), luminance(ground(element))),
        }));
    });
    expect(contrast.length).toBeGreaterThan(10);
    expect(contrast.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  });
}
