import process from 'node:process';
import { defineConfig } from '@playwright/test';
import { browserFlags } from './cli/browser-flags.ts';
import { findBrowser } from './cli/find-browser.ts';

/** Real Chromium. `browser`: the runtime on WebGPU (software adapter) and wasm. `e2e`: the built product. */
export default defineConfig({
  outputDir: 'node_modules/.cache/playwright',
  // Software WebGPU and the wasm backend take whole cores; two tests at once only slow each other down.
  workers: 1,
  timeout: 120_000,
  // The test gate reads the counts from the file that PLAYWRIGHT_JSON_OUTPUT_FILE names.
  reporter: process.env['PLAYWRIGHT_JSON_OUTPUT_FILE'] === undefined ? 'list' : [['list'], ['json']],
  projects: [
    {
      name: 'browser',
      testDir: 'test/browser',
      use: { launchOptions: { executablePath: findBrowser(), args: browserFlags({ softwareWebgpu: true }) } },
    },
    {
      name: 'e2e',
      testDir: 'test/e2e',
      use: {
        // A kept app would answer for the server; the specs about keeping it open browsers of their own.
        serviceWorkers: 'block',
        launchOptions: { executablePath: findBrowser(), args: browserFlags() },
      },
    },
  ],
});
