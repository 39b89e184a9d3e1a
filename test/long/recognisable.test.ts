/**
 * Bar "recognisable": 24 held-out people × 4 fixed prompts at strength 0, no retries, through the shipped bundle and the
 * product's own pipeline, judged by a face encoder that had no part in training. Protocol: models/judge-protocol.json.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeBundle } from '../../cli/node-bundle-files.ts';
import { openNodeGenerator, type NodeGenerator } from '../../cli/node-generator.ts';
import { nodeImageCodec } from '../../cli/node-image-codec.ts';
import { createNodeRunner } from '../../cli/node-session-runner.ts';
import type { PixelImage } from '../../src/domain/image.ts';
import type { ClosableRunner } from '../../src/runtime/session-runner.ts';
import { obeys, type ColourRule } from './border-colour.ts';
import { leaveFigures } from './figures.ts';
import { openJudge, type Judge } from './judge.ts';

interface Protocol {
  readonly references: readonly string[];
  readonly prompts: readonly { readonly text: string; readonly background: string }[];
  readonly backgroundRules: Readonly<Record<string, ColourRule>>;
  readonly bars: { readonly rank1Of24: number; readonly auc: number; readonly background: number };
}

const MODELS = 'models';
const BUNDLE = 'public/models/starter';
/** The protocol's rule: 1000 + number of prompts · person + prompt. */
const FIRST_SEED = 1000;

let protocol: Protocol;
let generator: NodeGenerator;
let runner: ClosableRunner;
let judge: Judge;

beforeAll(async () => {
  protocol = JSON.parse(await readFile(join(MODELS, 'judge-protocol.json'), 'utf8')) as Protocol;
  generator = await openNodeGenerator(BUNDLE);
  const bundle = await openNodeBundle(BUNDLE);
  runner = createNodeRunner(bundle);
  judge = await openJudge(join(MODELS, 'checkpoints/judge/model.onnx'), bundle, runner);
});

afterAll(async () => {
  await generator.close();
  await judge.close();
  await runner.close();
});

/** Probability that a same-person cosine is above a different-person one; ties count half. */
function areaUnderCurve(same: readonly number[], different: readonly number[]): number {
  let wins = 0;
  for (const s of same) for (const d of different) wins += s > d ? 1 : s === d ? 0.5 : 0;
  return wins / (same.length * different.length);
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const share = (hits: number, of: number): number => Math.round((hits / of) * 1e4) / 1e4;

describe('the starter', () => {
  it('draws held-out people recognisably and backgrounds as the prompt says', async () => {
    const references: { file: Blob; embedding: Float32Array }[] = [];
    for (const path of protocol.references) {
      const file = new Blob([await readFile(join(MODELS, path))]);
      const embedding = await judge.read(await nodeImageCodec.decode(file));
      if (!embedding) throw new Error(`The detector finds no face in ${path}.`);
      references.push({ file, embedding });
    }
    const same: number[] = [];
    const different: number[] = [];
    let first = 0;
    let found = 0;
    let obeyed = 0;
    let count = 0;
    for (const [person, { file }] of references.entries()) {
      for (const [p, { text, background }] of protocol.prompts.entries()) {
        const seed = FIRST_SEED + protocol.prompts.length * person + p;
        const { outcome } = await generator.generate({ image: file, prompt: text, strength: 0, seed });
        const picture: PixelImage = outcome.images[0]!.image;
        const embedding = await judge.read(picture);
        // A picture without a face is not recognised, and as unlike everybody as can be.
        const cosines = references.map((reference) => (embedding ? dot(embedding, reference.embedding) : -1));
        cosines.forEach((cosine, other) => (other === person ? same : different).push(cosine));
        found += embedding ? 1 : 0;
        first += embedding && cosines.every((cosine, other) => other === person || cosine < cosines[person]!) ? 1 : 0;
        obeyed += obeys(picture, protocol.backgroundRules[background]!) ? 1 : 0;
        count++;
      }
    }
    const figures = {
      people: references.length,
      pictures: count,
      rank1: share(first, count),
      auc: Math.round(areaUnderCurve(same, different) * 1e4) / 1e4,
      background: share(obeyed, count),
      faceFound: share(found, count),
      bars: protocol.bars,
    };
    await leaveFigures('recognisable', figures);
    console.log(JSON.stringify(figures));
    expect(figures.rank1).toBeGreaterThanOrEqual(protocol.bars.rank1Of24);
    expect(figures.auc).toBeGreaterThanOrEqual(protocol.bars.auc);
    expect(figures.background).toBeGreaterThanOrEqual(protocol.bars.background);
  });
});
