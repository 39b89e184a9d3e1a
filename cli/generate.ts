/** `likeness generate`: images of a face without a browser. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fromWire } from '../src/api/wire-request.ts';
import { AppError } from '../src/domain/errors.ts';
import type { RequestInput } from '../src/domain/normalise-request.ts';
import type { Adjustment } from '../src/domain/request.ts';
import type { GenerationEvent } from '../src/domain/task.ts';
import { nodeImageCodec } from './node-image-codec.ts';
import { openNodeGenerator, type NodeGeneration } from './node-generator.ts';
import { readNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

export const GENERATE_USAGE = `likeness generate --bundle FOLDER --image FILE --prompt TEXT --out FOLDER [options]
  --image FILE     the face; given again: more photos of the same person
  --request FILE   a request in the API's JSON; what the command line gives counts more
  --negative TEXT, --seed N, --steps N, --batch N, --strength 0..1, --guidance 1..30, --size WIDTHxHEIGHT
  --embedding FILE  the face as a JSON list of numbers, for a bundle without face encoder; --image is what is changed then
  --threads N      CPU threads (default: what the request's inference_type takes; half the cores)
  Writes one picture per image and result.json with seeds, likeness, adjustments and times.`;

const PRIVATE_FIELDS = ['image', 'referenceImages', 'facePoints'];

const OPTIONS = {
  bundle: { type: 'string' },
  image: { type: 'string', multiple: true },
  prompt: { type: 'string' },
  negative: { type: 'string' },
  request: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  batch: { type: 'string' },
  strength: { type: 'string' },
  guidance: { type: 'string' },
  size: { type: 'string' },
  threads: { type: 'string' },
  embedding: { type: 'string' },
  out: { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Throws UsageError and the AppErrors of request, pictures, bundle and pipeline. */
export async function runGenerate(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const { bundle, out } = values;
  if (bundle === undefined || out === undefined) throw new UsageError('--bundle and --out are needed.');
  const threads = readNumber('--threads', values.threads);
  const input = { ...(await requestFile(values.request)), ...(await commandLineInput(values)) };
  if (input.image === undefined) throw new UsageError('--image is needed, or an image in the --request file.');

  const embedding = await embeddingFile(values.embedding);
  const generator = await openNodeGenerator(bundle, threads);
  try {
    const generation = await generator.generate(input, { embedding, onEvent: tellSteps });
    await writeResults(out, generation);
  } finally {
    await generator.close();
  }
}

/** A list of numbers; its length is checked against the bundle. */
async function embeddingFile(path: string | undefined): Promise<Float32Array | undefined> {
  if (path === undefined) return undefined;
  const json = await readJson('--embedding', path);
  if (!Array.isArray(json) || json.length === 0 || !json.every((value) => typeof value === 'number')) {
    throw new AppError('invalid-request', `${path} holds no list of numbers.`);
  }
  return Float32Array.from(json);
}

async function readJson(option: string, path: string): Promise<unknown> {
  const text = await readInput(option, path);
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new AppError('invalid-request', `${path} is not JSON.`, { cause });
  }
}

async function requestFile(path: string | undefined): Promise<RequestInput> {
  if (path === undefined) return {};
  const json = await readJson('--request', path);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new AppError('invalid-request', `${path} holds no JSON object.`);
  }
  return fromWire(json as Record<string, unknown>);
}

async function commandLineInput(values: Values): Promise<RequestInput> {
  const pictures = await Promise.all(
    (values.image ?? []).map(async (path) => new Blob([Uint8Array.from(await readInput('--image', path))])),
  );
  const [image, ...referenceImages] = pictures;
  const given: RequestInput = {
    image,
    referenceImages: referenceImages.length > 0 ? referenceImages : undefined,
    prompt: values.prompt,
    negativePrompt: values.negative,
    seed: readNumber('--seed', values.seed),
    steps: readNumber('--steps', values.steps),
    batch: readNumber('--batch', values.batch),
    strength: readNumber('--strength', values.strength),
    guidanceScale: readNumber('--guidance', values.guidance),
    ...size(values.size),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function readInput(option: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${option} ${path} cannot be read (${code ?? 'unknown reason'}).`);
  });
}

function size(text: string | undefined): RequestInput {
  if (text === undefined) return {};
  const match = /^(\d+)x(\d+)$/i.exec(text);
  if (match === null) throw new UsageError(`--size needs WIDTHxHEIGHT, e.g. 512x512, not "${text}".`);
  return { width: Number(match[1]), height: Number(match[2]) };
}

function tellSteps(event: GenerationEvent): void {
  if (event.type !== 'image') return;
  const { index, seed, likeness } = event.result;
  console.log(
    `image ${index + 1}: seed ${seed}, likeness ${likeness === null ? 'none: no face found, or no encoder to compare with' : likeness.toFixed(3)}`,
  );
}

async function writeResults(out: string, { request, outcome }: NodeGeneration): Promise<void> {
  await mkdir(out, { recursive: true });
  const images = [];
  for (const { index, seed, likeness, image } of outcome.images) {
    const file = `${index}-${seed}.${request.outputFormat === 'jpeg' ? 'jpg' : request.outputFormat}`;
    const encoded = await nodeImageCodec.encode(image, request.outputFormat);
    await writeFile(join(out, file), new Uint8Array(await encoded.arrayBuffer()));
    images.push({ file, seed, likeness });
  }
  const { adjustments, timings, runtimeMs } = outcome;
  // Neither the face nor its placement is written down.
  const settings = Object.fromEntries(Object.entries(request).filter(([field]) => !PRIVATE_FIELDS.includes(field)));
  await writeFile(
    join(out, 'result.json'),
    JSON.stringify({ images, adjustments, timings, runtimeMs, settings }, null, 2),
  );
  for (const adjustment of adjustments) console.log(asSentence(adjustment));
  console.log(
    `${images.length} ${images.length === 1 ? 'image' : 'images'} in ${(runtimeMs / 1000).toFixed(1)} s: ${out}`,
  );
}

function asSentence({ field, from, to, reason }: Adjustment): string {
  return `${field}: ${JSON.stringify(from)} → ${JSON.stringify(to)} (${reason})`;
}
