import { AppError } from '../domain/errors.ts';
import type { DetectedFace } from '../domain/image.ts';
import type { GenerationRequest } from '../domain/request.ts';
import { throwIfCancelled } from './cancellation.ts';
import { combineFaces, describeFace, describeNobody, type Person } from './describe-person.ts';
import { boxInRegion } from './image/region.ts';
import { checkKnownWords } from './known-words.ts';
import {
  chooseFace,
  fitReference,
  inGivenPixels,
  prepareReference,
  scaledDownAdjustment,
  type FittedReference,
  type PreparedReference,
} from './reference.ts';
import { renderSize, type RenderSize } from './render-size.ts';
import { withRoles, type Run } from './run.ts';
import { planTimesteps } from './schedulers/timesteps.ts';
import { backgroundMask } from './stages/background-mask.ts';
import { condition, type Condition, type ConditionRow } from './stages/conditioning.ts';
import type { GuidancePasses } from './stages/denoising.ts';
import { detectFaces } from './stages/face-detection.ts';
import { givenEmbedding } from './stages/face-embedding.ts';
import { encodeImage } from './stages/image-encoding.ts';
import { encodePrompt } from './stages/prompt-encoding.ts';

/** All that depends on reference and prompt alone, made once per task. */
export interface Prepared {
  readonly size: RenderSize;
  /** The person's embedding; null without face conditioning, and where the bundle has no face encoder. */
  readonly person: Float32Array | null;
  readonly passes: GuidancePasses;
  /** The reference's latent; null where every image starts from pure noise and nothing of it is kept. */
  readonly latent: Float32Array | null;
  /** Where the picture may change (1) and where it stays (0), per latent cell; null: everywhere. */
  readonly mask: Float32Array | null;
}

/** Whether the reference picture itself is used, not only its face. */
export function needsLatent(request: GenerationRequest): boolean {
  return request.keepBackground || planTimesteps(request.scheduler, request.steps, request.denoise).denoise < 1;
}

/** Everything that all images of a task share. */
export async function prepare(run: Run): Promise<Prepared> {
  const { bundle, request, reference } = run;
  const { manifest } = bundle;
  const size = renderSize(manifest, request.width, request.height);
  if (size.native) {
    run.found.push({
      field: 'width',
      from: [request.width, request.height],
      to: [size.width, size.height],
      reason: 'rendered-at-native-size',
    });
  }
  // A bundle has one pack of weights so far; who asks for better ones is told.
  if (run.budget.weights === 'quality') {
    run.found.push({ field: 'inferenceType', from: 'quality', to: 'default', reason: 'quality-pack-missing' });
  }
  const prepared = prepareReference(reference);
  if (prepared.scale < 1) run.found.push(scaledDownAdjustment(reference, prepared));

  const { face, person, nobody } = await withRoles(
    run,
    ['faceDetector', 'faceEncoder', 'imageEncoder', 'resampler'],
    () => findPerson(run, prepared),
  );
  const rows = await withRoles(run, ['textEncoder'], () => encodeTexts(run, person?.told ?? nobody, nobody));
  const fitted = fitReference(prepared.image, face, size);
  run.found.push(...fitted.adjustments);
  const latent = needsLatent(request)
    ? await withRoles(run, ['latentEncoder'], () =>
        run.meter.measure('encode-image', 0, () => encodeImage(manifest, run.runner, fitted.draw())),
      )
    : null;
  const mask = request.keepBackground && face ? maskAround(face, fitted, size, manifest.latent.downscale) : null;
  // Last, because what it makes may live on the device until the end.
  const passes = await withRoles(run, ['conditioner'], () => makePasses(run, rows));
  return { size, person: person?.embedding ?? null, passes, latent, mask };
}

function maskAround(
  face: DetectedFace,
  { region }: FittedReference,
  size: RenderSize,
  downscale: number,
): Float32Array {
  const box = boxInRegion(face.box, region, size.width);
  return backgroundMask(box, size.workWidth / downscale, size.workHeight / downscale, downscale);
}

/** Finds the face in every reference and describes the person by all of them. */
async function findPerson(
  run: Run,
  prepared: PreparedReference,
): Promise<{ face: DetectedFace | null; person: Person | null; nobody: Float32Array }> {
  const { meter, request, emit, taskId } = run;
  if (request.facePoints && request.faceIndex !== null) {
    run.found.push({ field: 'faceIndex', from: request.faceIndex, to: null, reason: 'placed-face-used' });
  }
  const { faces, chosen } = await meter.measure('find-face', 0, () =>
    // Who is described already need not be seen.
    chooseFace(run, prepared, run.embedding ? { ...request, faceStrength: 0 } : request),
  );
  emit({ type: 'faces', taskId, faces: inGivenPixels(faces, prepared.scale), chosen });
  const face = faces[chosen] ?? null;
  if (run.embedding !== undefined && request.faceStrength > 0) {
    const embedding = givenEmbedding(run.bundle, run.embedding);
    return { face, person: { embedding, told: embedding }, nobody: await describeNobody(run, 1, false) };
  }
  if (!face || request.faceStrength === 0) return { face, person: null, nobody: await describeNobody(run, 1, false) };

  const persons = [await meter.measure('embed-face', 0, () => describeFace(run, prepared.image, face))];
  for (const [index, picture] of run.moreReferences.entries()) {
    throwIfCancelled(run.signal);
    const { image } = prepareReference(picture);
    const [largest] = await meter.measure('find-face', 0, () => detectFaces(run, image));
    if (!largest) {
      throw new AppError(
        'no-face',
        `No face was found in reference picture ${index + 2}; leave it out or use a clearer one.`,
        {
          details: { reference: index + 2 },
        },
      );
    }
    persons.push(await meter.measure('embed-face', 0, () => describeFace(run, image, largest)));
  }
  const seen = request.guidanceScale > 1 && run.bundle.manifest.schedule.unconditionalFace === 'zero';
  const nobody = await describeNobody(run, persons.length, seen);
  return { face, person: combineFaces(run, persons), nobody };
}

/** Row 0: the wish; row 1, with guidance: the negative prompt and what stands in for the face. */
async function encodeTexts(run: Run, face: Float32Array, nobody: Float32Array): Promise<ConditionRow[]> {
  const { manifest } = run.bundle;
  const { request } = run;
  const encode = async (field: 'prompt' | 'negativePrompt'): Promise<Float32Array> => {
    throwIfCancelled(run.signal);
    const checked = checkKnownWords(field, request[field], manifest.text.knownWords, run.tokenizer);
    const { ids, needed, truncated } = run.tokenizer.encode(checked.text);
    run.found.push(...checked.adjustments);
    if (truncated) run.found.push({ field, from: needed, to: ids.length, reason: 'prompt-truncated' });
    return run.meter.measure('encode-prompt', 0, () => encodePrompt(run.runner, ids));
  };
  const rows: ConditionRow[] = [{ text: await encode('prompt'), face }];
  if (request.guidanceScale > 1) {
    const standIn = manifest.schedule.unconditionalFace === 'same' ? face : nobody;
    rows.push({ text: await encode('negativePrompt'), face: standIn });
  }
  return rows;
}

async function makePasses(run: Run, rows: readonly ConditionRow[]): Promise<GuidancePasses> {
  throwIfCancelled(run.signal);
  const { bundle, runner, request, budget } = run;
  // A device tensor need not outlive its session, so it is brought back where sessions are released.
  const keepOnDevice = budget.sessions === 'resident';
  const make = (part: readonly ConditionRow[]): Promise<Condition> =>
    condition(bundle, runner, part, request.faceStrength, keepOnDevice);
  return run.meter.measure('condition', 0, async (): Promise<GuidancePasses> => {
    if (rows.length === 1) return { kind: 'none', condition: await make(rows) };
    if (budget.guidancePasses === 'together') return { kind: 'together', both: await make(rows) };
    return {
      kind: 'sequential',
      condition: await make(rows.slice(0, 1)),
      unconditional: await make(rows.slice(1)),
    };
  });
}
