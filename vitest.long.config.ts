import { defineConfig } from 'vitest/config';

/** Bars that take minutes. They run one after the other, so that nothing else disturbs what they measure. */
export default defineConfig({
  test: {
    environment: 'node',
    // For what test/fixtures/fuzz-run.ts measures: collections on demand, and none of young objects in between.
    execArgv: ['--expose-gc', '--min-semi-space-size=16'],
    include: ['test/long/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});
