/** `bundle.json`, format 1: one model as the pipeline sees it. Validated on opening. */
import * as v from 'valibot';
import { ROLES } from '../domain/ports.ts';
import { SCHEDULER_KINDS } from '../domain/request.ts';

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'));
const triple = v.tuple([finite, finite, finite]);

/** How pixels 0..255 become a network's input: (pixel − mean) / std, per channel in the given order. */
const pixelInput = v.object({
  mean: v.union([finite, triple]),
  std: v.union([finite, triple]),
  order: v.picklist(['rgb', 'bgr']),
});

const detector = v.object({
  /** Names the decode in `pipeline/stages/face-detection`. */
  decode: v.picklist(['heatmap', 'yunet']),
  input: v.object({ ...pixelInput.entries, width: positive, height: positive }),
  scoreThreshold: v.pipe(finite, v.minValue(0), v.maxValue(1)),
  nmsIou: v.pipe(finite, v.minValue(0), v.maxValue(1)),
  /** Shares of the network's input that the picture fills, one look each (smaller ones find close-ups); results are merged. */
  scales: v.pipe(v.array(v.pipe(finite, v.minValue(0.05), v.maxValue(1))), v.minLength(1)),
});

const face = v.object({
  detector: v.optional(detector),
  encoder: v.optional(
    v.object({
      input: v.object({ ...pixelInput.entries, size: positive }),
      template: v.picklist(['arcface-112']),
      /** Where the encoder's training crops had their least squares: in the crop (insightface; default) or in the picture. */
      fit: v.optional(v.picklist(['crop', 'picture'])),
    }),
  ),
  /** Length of the face encoder's embedding; may be absent only where `image` is what the adapter sees. */
  embedding: v.optional(positive),
  /**
   * The CLIP route (IP-Adapter-plus): the aligned face as `imageEncoder` sees it, whose states the `resampler` makes face
   * tokens of. With it a face encoder only scores likeness.
   */
  image: v.optional(v.object({ ...pixelInput.entries, size: positive })),
  /** Face tokens per image. */
  tokens: positive,
  /** SHA-256 of the encoder file that the adapter was trained with; another one is refused. */
  encoderSha256: v.optional(sha256),
  defaultScale: v.pipe(finite, v.minValue(0), v.maxValue(2)),
});

const schedule = v.object({
  kind: v.picklist(SCHEDULER_KINDS),
  betas: v.object({ kind: v.picklist(['scaled_linear', 'linear']), start: finite, end: finite, trainSteps: positive }),
  prediction: v.picklist(['epsilon', 'v_prediction']),
  zeroTerminalSnr: v.boolean(),
  setAlphaToOne: v.boolean(),
  steps: v.object({ default: positive, min: positive, max: positive }),
  /** `smallestUseful`: what a negative prompt turns guidance on at; `max`: larger wishes (1..30) are mapped into 1..max. */
  guidance: v.object({ default: finite, smallestUseful: finite, max: finite }),
  /**
   * What stands in for the face in the unconditional pass: the projection of a zero embedding (CLIP route: of an all-zero
   * image tensor), or the same face.
   */
  unconditionalFace: v.picklist(['zero', 'same']),
});

const network = v.union([
  v.object({ class: v.string(), config: v.record(v.string(), v.unknown()) }),
  v.object({ onnx: v.string() }),
]);

const weightFile = v.object({ path: v.string(), bytes, sha256, chunkBytes: positive, chunks: v.array(sha256) });

export const manifestSchema = v.object({
  format: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case letters, digits and dashes')),
  title: v.string(),
  version: v.string(),
  family: v.literal('sd-face'),
  /** One sentence that the page shows beside the results. */
  note: v.optional(v.string()),
  /** A word or two that stand under every result, e.g. "drawn portrait". */
  resultLabel: v.optional(v.string()),
  licences: v.array(
    v.object({ part: v.string(), name: v.string(), commercialUse: v.boolean(), url: v.optional(v.string()) }),
  ),
  safetyChecked: v.boolean(),
  latent: v.object({
    channels: positive,
    downscale: positive,
    /** Denoiser latent = (encoder output − shift) · factor. */
    factor: finite,
    shift: finite,
    /** rgb (0..1) = matrix · latent + bias; for previews. */
    preview: v.object({ matrix: v.tuple([v.array(finite), v.array(finite), v.array(finite)]), bias: triple }),
  }),
  native: v.object({
    width: positive,
    height: positive,
    multiple: positive,
    /** The only sizes it renders (others are brought from the nearest one); empty = every size, rounded up to `multiple`. */
    areas: v.array(v.tuple([positive, positive])),
  }),
  text: v.object({
    tokens: positive,
    width: positive,
    tokenizer: v.string(),
    padTokenId: bytes,
    /** Groups of words the model knows; absent when it knows the language at large. */
    knownWords: v.optional(v.record(v.string(), v.array(v.string()))),
    /** Prompts that show what the model can do; the page offers them. */
    examples: v.optional(v.array(v.string())),
  }),
  face,
  schedule,
  defaults: v.object({ strength: v.pipe(finite, v.minValue(0), v.maxValue(1)) }),
  networks: v.partial(
    v.object(
      Object.fromEntries(ROLES.map((role) => [role, network])) as Record<(typeof ROLES)[number], typeof network>,
    ),
  ),
  /** JSON file with `{ [role]: TensorIndex }`. */
  weightIndex: v.string(),
  /** Every file of the bundle but `bundle.json` itself. */
  files: v.array(weightFile),
  quality: v.optional(v.record(v.string(), v.unknown())),
});

export type BundleManifest = v.InferOutput<typeof manifestSchema>;
export type NetworkSpec = v.InferOutput<typeof network>;
