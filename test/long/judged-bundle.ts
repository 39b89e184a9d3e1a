/** A bundle's pictures under the fixed protocol, models/judge-protocol.json: 24 held-out people, 4 prompts each. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeGenerator } from '../../cli/node-generator.ts';
import { nodeImageCodec } from '../../cli/node-image-codec.ts';
import type { PixelImage } from '../../src/domain/image.ts';
import { obeys, type ColourRule } from './border-colour.ts';
import type { Judge } from './judge.ts';

export interface Protocol {
  readonly references: readonly string[];
  readonly prompts: readonly { readonly text: string; readonly background: string }[];
  readonly backgroundRules: Readonly<Record<string, ColourRule>>;
  readonly bars: { readonly rank1Of24: number; readonly auc: number; readonly background: number };
}

export const MODELS = 'models';
export const JUDGE = join(MODELS, 'checkpoints/judge/model.onnx');
/** The protocol's rule: 1000 + number of prompts · person + prompt. */
const FIRST_SEED = 1000;

export async function readProtocol(): Promise<Protocol> {
  return JSON.parse(await readFile(join(MODELS, 'judge-protocol.json'), 'utf8')) as Protocol;
}

export interface Judgement {
  readonly pictures: number;
  /** Share of pictures whose nearest reference is the right one. */
  readonly rank1: number;
  readonly auc: number;
  /** Mean cosine of a picture's face and its reference's. */
  readonly likeness: number;
  readonly background: number;
  readonly faceFound: number;
  readonly images: readonly PixelImage[];
}

/** Draws all pictures of the protocol at strength 0, without retries, and judges them. */
export async function judgeBundle(generator: NodeGenerator, judge: Judge, protocol: Protocol): Promise<Judgement> {
  const references: { file: Blob; embedding: Float32Array }[] = [];
  for (const path of protocol.references) {
    const file = new Blob([await readFile(join(MODELS, path))]);
    const embedding = await judge.read(await nodeImageCodec.decode(file));
    if (!embedding) throw new Error(`The detector finds no face in ${path}.`);
    references.push({ file, embedding });
  }
  const same: number[] = [];
  const different: number[] = [];
  const images: PixelImage[] = [];
  let [first, found, obeyed] = [0, 0, 0];
  for (const [person, { file }] of references.entries()) {
    for (const [p, { text, background }] of protocol.prompts.entries()) {
      const seed = FIRST_SEED + protocol.prompts.length * person + p;
      const { outcome } = await generator.generate({ image: file, prompt: text, strength: 0, seed });
      const picture = outcome.images[0]!.image;
      images.push(picture);
      const embedding = await judge.read(picture);
      // A picture without a face is not recognised, and as unlike everybody as can be.
      const cosines = references.map((reference) => (embedding ? dot(embedding, reference.embedding) : -1));
      cosines.forEach((cosine, other) => (other === person ? same : different).push(cosine));
      found += embedding ? 1 : 0;
      first += embedding && cosines.every((cosine, other) => other === person || cosine < cosines[person]!) ? 1 : 0;
      obeyed += obeys(picture, protocol.backgroundRules[background]!) ? 1 : 0;
    }
  }
  const share = (hits: number): number => rounded(hits / images.length);
  return {
    pictures: images.length,
    rank1: share(first),
    auc: rounded(areaUnderCurve(same, different)),
    likeness: rounded(same.reduce((sum, cosine) => sum + cosine, 0) / same.length),
    background: share(obeyed),
    faceFound: share(found),
    images,
  };
}

/** Probability that a same-person cosine is above a different-person one; ties count half. */
function areaUnderCurve(same: readonly number[], different: readonly number[]): number {
  let wins = 0;
  for (const s of same) for (const d of different) wins += s > d ? 1 : s === d ? 0.5 : 0;
  return wins / (same.length * different.length);
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;
