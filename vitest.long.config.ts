import { defineConfig } from 'vitest/config';

/** Bars that take minutes. They run one after the other, so that nothing else disturbs what they measure. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/long/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});
