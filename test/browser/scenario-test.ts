import { expect, test as base, type ConsoleMessage, type Page } from '@playwright/test';
import type { ScenarioReply } from './page/scenario.worker.ts';
import type { ScenarioName, ScenarioOptions, SCENARIOS } from './page/scenarios.ts';
import { servePage } from './serve-page.ts';

/** What a scenario answers. */
type Results = { readonly [Name in ScenarioName]: Awaited<ReturnType<(typeof SCENARIOS)[Name]>> };

export interface ScenarioFixtures {
  /**
   * Runs one scenario in the test page's worker for these options; `last` ends that worker. Fails with the
   * scenario's error.
   */
  run: <Name extends ScenarioName>(name: Name, options: ScenarioOptions, last?: 'last') => Promise<Results[Name]>;
}

/** Playwright's test with the built page, opened once per test process. */
export const test = base.extend<ScenarioFixtures, { scenarioPage: Page }>({
  scenarioPage: [
    async ({ browser }, use) => {
      const served = await servePage();
      const page = await browser.newPage();
      await page.goto(served.url);
      await use(page);
      await page.close();
      await served.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  run: async ({ scenarioPage }, use) => {
    // onnxruntime's warnings, violations of the content security policy and the like count as failures.
    const complaints: string[] = [];
    const listen = (message: ConsoleMessage): void => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    };
    scenarioPage.on('console', listen);
    await use(async <Name extends ScenarioName>(name: Name, options: ScenarioOptions, last?: 'last') => {
      const reply: ScenarioReply = await scenarioPage.evaluate(([call, end]) => window.runScenario(call, end), [
        { name, options },
        last === 'last',
      ] as const);
      if ('error' in reply) throw new Error(`${name}: ${reply.error.code}: ${reply.error.message}`);
      // The page ran the scenario of that name.
      return reply.value as Results[Name];
    });
    scenarioPage.off('console', listen);
    expect(complaints).toEqual([]);
  },
});
