import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    // For what test/fixtures/fuzz-run.ts measures: collections on demand, and none of young objects in between.
    execArgv: ['--expose-gc', '--min-semi-space-size=16'],
    include: ['test/unit/**/*.test.ts', 'test/parity/**/*.test.ts', 'test/contract/**/*.test.ts'],
    // Two cores: more workers only fight each other.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
