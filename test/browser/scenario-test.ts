import { test as base } from '@playwright/test';
import type { ScenarioReply } from './page/scenario.worker.ts';
import type { ScenarioName, ScenarioOptions, SCENARIOS } from './page/scenarios.ts';
import { servePage } from './serve-page.ts';

type Result<Name extends ScenarioName> = Awaited<ReturnType<(typeof SCENARIOS)[Name]>>;

export interface ScenarioFixtures {
  /** Runs one scenario in a fresh worker of the test page. Fails with the scenario's error. */
  run: <Name extends ScenarioName>(name: Name, options: ScenarioOptions) => Promise<Result<Name>>;
}

/** Playwright's test with the built page, served once per test process. */
export const test = base.extend<ScenarioFixtures, { pageUrl: string }>({
  pageUrl: [
    // Playwright wants the first argument destructured.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const served = await servePage();
      await use(served.url);
      await served.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  run: async ({ page, pageUrl }, use) => {
    await page.goto(pageUrl);
    await use(async (name, options) => {
      const reply: ScenarioReply = await page.evaluate((call) => window.runScenario(call), { name, options });
      if ('error' in reply) throw new Error(`${name}: ${reply.error.code}: ${reply.error.message}`);
      // The page ran the scenario of that name.
      return reply.value as Result<typeof name>;
    });
  },
});
