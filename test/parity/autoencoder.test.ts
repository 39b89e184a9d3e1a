import { afterAll, describe, expect, it } from 'vitest';
import { renameKl } from '../../src/forge/kl-names.ts';
import { renameTaesd, taesdConfig, type TaesdPart } from '../../src/forge/taesd-names.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { hashInput, readCases, tensorDigest, type Expected } from './fixtures.ts';
import { ErrorTally, runNetwork } from './run-network.ts';

interface Case {
  title: string;
  class: 'AutoencoderKL' | 'AutoencoderTiny' | 'AutoencoderNarrow';
  config: Record<string, unknown>;
  digest: number;
  /** Shapes of the image that is encoded and the latent that is decoded. */
  input: number[];
  decoded: number[];
  latent: Expected;
  image: Expected;
  /** Names in another kind of file, by the names that the builders read. */
  storedAs?: Record<string, string>;
}

const tally = new ErrorTally();
afterAll(() => {
  tally.report();
});

async function compare(given: Case, network: string): Promise<void> {
  const spec = { class: given.class, config: given.config };
  const image = hashInput('image', given.input);
  const latent = hashInput('latent', given.decoded, 3);
  const both = [
    ...requiredTensors('latentEncoder', spec, { image: image.dims }),
    ...requiredTensors('latentDecoder', spec, { latent: latent.dims }),
  ];
  expect(tensorDigest(both), 'every tensor of the reference is used').toBe(given.digest);
  const storedAs = (name: string) => given.storedAs?.[name] ?? name;
  const encoded = await runNetwork('latentEncoder', spec, { image }, { storedAs });
  tally.check(`${network} encoder`, encoded['latent'], given.latent);
  const decoded = await runNetwork('latentDecoder', spec, { latent }, { storedAs });
  tally.check(`${network} decoder`, decoded['image'], given.image);
}

describe('autoencoders equal diffusers and models.starter', () => {
  for (const given of readCases<Case>('autoencoder')) {
    it(`${given.class}, ${given.title}`, async () => {
      for (const [name, old] of Object.entries(given.storedAs ?? {})) expect(renameKl(old)).toBe(name);
      await compare(given, given.class);
    });
  }
});

describe('original TAESD files give what the original network gives', () => {
  type Original = Omit<Case, 'class' | 'config'> & { latentChannels: number; storedAs: Record<string, string> };
  for (const given of readCases<Original>('taesd')) {
    it(given.title, async () => {
      // In the fixture a name inside a file has the part's name before it, because the two files share their numbers.
      for (const [name, original] of Object.entries(given.storedAs)) {
        const [part = '', ...rest] = original.split('/');
        expect(renameTaesd(rest.join('/'), part as TaesdPart)).toBe(name);
      }
      await compare({ ...given, class: 'AutoencoderTiny', config: taesdConfig(given.latentChannels) }, 'TAESD');
    });
  }
});
