/** The words of `likeness compile`, read into what the forge wants. */
import { parseArgs } from 'node:util';
import { SCHEDULER_KINDS } from '../src/domain/request.ts';
import type { CardWishes, Licence } from '../src/forge/model-card.ts';
import { PRECISIONS, type Precision } from '../src/forge/storage-plan.ts';
import { readChoice, readNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

/** Parts whose licences are told, as the bundle names them. */
const LICENCE_PARTS = ['base', 'adapter', 'lora', 'autoencoder', 'image-encoder', 'detector', 'face-encoder'] as const;

export const COMPILE_USAGE = `likeness compile --base FOLDER --adapter FILE --out FOLDER [options]
  Makes a bundle of published weights. A bundle that is already at --out is replaced.
  --base FOLDER           Stable Diffusion 1.5 or a fine-tune of it in the diffusers folder layout
  --adapter FILE          IP-Adapter FaceID or plus-face (.bin or .safetensors)
  --adapter-lora-scale N  strength of the LoRA that FaceID brings along (default 1)
  --lora FILE[:SCALE]     a LoRA to fold in, given again for more (default scale 1)
  --allow-unmatched       leave out what a LoRA has for other models, instead of refusing it
  --autoencoder FOLDER    another autoencoder (AutoencoderTiny or AutoencoderKL) in the diffusers layout; or, given
                          twice, TAESD's original encoder and decoder files
  --image-encoder FOLDER  CLIP's image encoder (for plus-face)
  --clip-skip N           last layers of the text encoder that are left out (default 0; where counting begins at 1,
                          one less)
  --detector FILE.onnx    face detector: YuNet
  --face-encoder FILE.onnx  face recogniser that the adapter was trained with (FaceID: w600k_r50)
  --precision             bits of linear layers: q8 (default), q4, or f32 for no rounding at all
  --report FILE.json      writes what rounding costs, layer by layer
  --id, --title TEXT      name of the bundle (default: the base folder's)
  --licence PART=NAME[:commercial]  licence of ${LICENCE_PARTS.join(', ')}
  --scheduler             ${SCHEDULER_KINDS.join(', ')} (default: lcm with an LCM-LoRA, else what the base says)
  --steps N, --guidance N   defaults of the bundle`;

/** Everything that is said on the command line, files as paths. */
export interface CompileArguments {
  readonly base: string;
  readonly out: string;
  readonly precision: Precision;
  readonly adapter?: string | undefined;
  readonly adapterLoraScale?: number | undefined;
  readonly loras?: readonly { readonly path: string; readonly scale: number }[] | undefined;
  readonly allowUnmatched?: boolean | undefined;
  /** One folder or two files. */
  readonly autoencoder?: readonly string[] | undefined;
  readonly imageEncoder?: string | undefined;
  readonly clipSkip?: number | undefined;
  readonly detector?: string | undefined;
  readonly faceEncoder?: string | undefined;
  /** File for the rounding of every layer. */
  readonly report?: string | undefined;
  readonly card?: CardWishes | undefined;
}

const text = { type: 'string' } as const;
const list = { type: 'string', multiple: true } as const;

/** Throws UsageError and what parseArgs throws. */
export function readCompileArguments(args: string[]): CompileArguments {
  const { values } = parseArgs({
    args,
    options: {
      ...{ base: text, out: text, adapter: text, detector: text, precision: { ...text, default: 'q8' } },
      ...{ 'clip-skip': text, 'adapter-lora-scale': text, 'image-encoder': text, 'face-encoder': text, report: text },
      ...{ lora: list, autoencoder: list, 'allow-unmatched': { type: 'boolean' } },
      ...{ id: text, title: text, licence: list, scheduler: text, steps: text, guidance: text },
    },
  });
  const { base, out } = values;
  if (base === undefined || out === undefined) throw new UsageError('--base and --out are needed.');
  return {
    base,
    out,
    precision: readChoice('--precision', values.precision, PRECISIONS)!,
    adapter: values.adapter,
    adapterLoraScale: readNumber('--adapter-lora-scale', values['adapter-lora-scale']),
    loras: values.lora?.map(readLoraArgument),
    allowUnmatched: values['allow-unmatched'],
    autoencoder: values.autoencoder,
    imageEncoder: values['image-encoder'],
    clipSkip: readClipSkip(values['clip-skip']),
    detector: values.detector,
    faceEncoder: values['face-encoder'],
    report: values.report,
    card: readCard(values),
  };
}

/** FILE[:SCALE]; a drive letter's colon is no scale. */
export function readLoraArgument(argument: string): { path: string; scale: number } {
  const [, path, scale] = /^(.+):(-?(?:\d+\.?\d*|\.\d+))$/.exec(argument) ?? [];
  return path === undefined ? { path: argument, scale: 1 } : { path, scale: Number(scale) };
}

/** Whether the text encoder has that many layers, its builder says. */
function readClipSkip(argument: string | undefined): number | undefined {
  const layers = readNumber('--clip-skip', argument);
  if (layers === undefined || (Number.isInteger(layers) && layers >= 0)) return layers;
  throw new UsageError(`--clip-skip needs a whole number from 0, not ${layers}.`);
}

function readCard(values: {
  readonly id?: string | undefined;
  readonly title?: string | undefined;
  readonly licence?: string[] | undefined;
  readonly scheduler?: string | undefined;
  readonly steps?: string | undefined;
  readonly guidance?: string | undefined;
}): CardWishes {
  const { id, title } = values;
  if (id !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(id)) {
    throw new UsageError(`--id needs lower-case letters, digits and dashes, not "${id}".`);
  }
  const scheduler = readChoice('--scheduler', values.scheduler, SCHEDULER_KINDS);
  const steps = readNumber('--steps', values.steps);
  if (steps !== undefined && !(Number.isInteger(steps) && 1 <= steps && steps <= 50)) {
    throw new UsageError(`--steps needs a whole number from 1 to 50, not ${steps}.`);
  }
  const guidance = readNumber('--guidance', values.guidance);
  if (guidance !== undefined && !(1 <= guidance && guidance <= 30)) {
    throw new UsageError(`--guidance needs a number from 1 to 30, not ${guidance}.`);
  }
  return {
    ...(id !== undefined && { id }),
    ...(title !== undefined && { title }),
    ...(values.licence !== undefined && { licences: values.licence.map(readLicence) }),
    ...(scheduler !== undefined && { scheduler }),
    ...(steps !== undefined && { steps }),
    ...(guidance !== undefined && { guidance }),
  };
}

function readLicence(argument: string): Licence {
  const [, part = '', name = '', commercial] = /^([^=]*)=(.*?)(:commercial)?$/.exec(argument) ?? [];
  if (name === '' || !LICENCE_PARTS.some((known) => part === known || part.startsWith('lora '))) {
    throw new UsageError(`--licence needs PART=NAME with a PART of ${LICENCE_PARTS.join(', ')}, not "${argument}".`);
  }
  return { part, name, commercialUse: commercial !== undefined };
}
