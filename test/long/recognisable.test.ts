/**
 * Bar "recognisable": 24 held-out people × 4 fixed prompts at strength 0, no retries, through the shipped bundle and the
 * product's own pipeline, judged by a face encoder that had no part in training. Protocol: models/judge-protocol.json.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeBundle } from '../../cli/node-bundle-files.ts';
import { openNodeGenerator, type NodeGenerator } from '../../cli/node-generator.ts';
import { createNodeRunner } from '../../cli/node-session-runner.ts';
import { starterBundle } from '../../cli/starter-bundle.ts';
import type { ClosableRunner } from '../../src/runtime/session-runner.ts';
import { leaveFigures } from './figures.ts';
import { JUDGE, judgeBundle, readProtocol } from './judged-bundle.ts';
import { openJudge, type Judge } from './judge.ts';

let generator: NodeGenerator;
let runner: ClosableRunner;
let judge: Judge;

beforeAll(async () => {
  const folder = await starterBundle();
  generator = await openNodeGenerator(folder);
  const bundle = await openNodeBundle(folder);
  runner = createNodeRunner(bundle);
  judge = await openJudge(JUDGE, bundle, runner);
});

afterAll(async () => {
  await generator.close();
  await judge.close();
  await runner.close();
});

describe('the starter', () => {
  it('draws held-out people recognisably and backgrounds as the prompt says', async () => {
    const protocol = await readProtocol();
    const { images, ...judged } = await judgeBundle(generator, judge, protocol);
    const figures = { people: protocol.references.length, ...judged, bars: protocol.bars };
    await leaveFigures('recognisable', figures);
    console.log(JSON.stringify(figures));
    expect(images.length).toBe(protocol.references.length * protocol.prompts.length);
    expect(figures.rank1).toBeGreaterThanOrEqual(protocol.bars.rank1Of24);
    expect(figures.auc).toBeGreaterThanOrEqual(protocol.bars.auc);
    expect(figures.background).toBeGreaterThanOrEqual(protocol.bars.background);
  });
});
