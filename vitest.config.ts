import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/unit/**/*.test.ts', 'test/parity/**/*.test.ts'],
    // Two cores: more workers only fight each other.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
