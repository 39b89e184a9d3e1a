/** English: every word that a person reads. Other languages satisfy `Messages`. */
import type { InferenceType } from '../domain/compute-budget.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { BackendKind } from '../domain/ports.ts';
import type { Adjustment, AdjustmentReason, SchedulerKind } from '../domain/request.ts';
import type { RequestField } from '../domain/request-fields.ts';
import type { Stage } from '../domain/task.ts';
import { enErrors, type Details, type ErrorText } from './en-errors.ts';

const stages: Record<Stage, string> = {
  load: 'Getting the model ready',
  'find-face': 'Finding the face',
  'embed-face': 'Looking at the face',
  'encode-prompt': 'Reading the wish',
  condition: 'Bringing face and wish together',
  'encode-image': 'Looking at the picture',
  denoise: 'Drawing',
  decode: 'Developing',
  score: 'Comparing the faces',
};

const adjustments: Record<AdjustmentReason, (a: Adjustment) => string> = {
  'guidance-mapped-to-bundle': ({ to }) => `Guidance was lowered to ${String(to)}, the most this model can use.`,
  'negative-prompt-needs-guidance': ({ to }) =>
    `Guidance was raised to ${String(to)}: without it “avoid” has no effect.`,
  'denoise-raised-to-steps': ({ to }) => `Redrawing was raised to ${String(to)}, the least for so many steps.`,
  'steps-limited-by-bundle': ({ to }) => `This model works with ${String(to)} steps.`,
  'reference-scaled-down': () => 'The picture was scaled down to 1,536 pixels.',
  'face-cut-by-crop': () => 'The face is partly outside of the format you chose.',
  'budget-exceeds-device': () => 'This device cannot hold that budget; a smaller one was used.',
  'quality-pack-missing': () => 'The quality weights are not installed; the usual ones were used.',
  'rendered-at-native-size': ({ from, to }) =>
    `Drawn at ${sizeText(to)}, the model’s own size, and fitted to ${sizeText(from)}.`,
  'placed-face-used': () => 'The face that you placed was used.',
  'prompt-truncated': () => 'The wish is longer than the model can read; its end was left out.',
  'unknown-words': ({ from, to }) => unknownWordsText(from, to),
};

const fields: Record<RequestField, { readonly label: string; readonly help: string }> = {
  image: { label: 'The face', help: 'The picture whose face stays the same.' },
  referenceImages: {
    label: 'More pictures of the same person',
    help: 'Up to eight; the likeness is then taken from all of them.',
  },
  prompt: { label: 'What should the picture show?', help: 'Several lines make several scenes with the same face.' },
  negativePrompt: { label: 'What to avoid', help: 'Things that should not appear.' },
  batch: { label: 'Pictures', help: 'How many of each scene, every one with its own seed.' },
  width: { label: 'Width', help: 'Pixels, 256 to 1,536.' },
  height: { label: 'Height', help: 'Pixels, 256 to 1,536.' },
  steps: { label: 'Steps', help: 'How often the picture is refined. More takes longer; this model needs few.' },
  guidanceScale: {
    label: 'Guidance',
    help: 'How strictly the wish is followed. Above 1 takes about twice as long as 1.',
  },
  strength: {
    label: 'Closeness to the picture',
    help: 'Near 1 the picture itself is kept; at 0 only the person, so that scenes can change.',
  },
  denoise: { label: 'Redrawing', help: 'How much is drawn anew, 0 to 1. Empty: follows from closeness.' },
  faceStrength: { label: 'Face strength', help: 'How strongly the face is held. 0 ignores it, 1 is usual.' },
  faceIndex: { label: 'Face', help: 'Which face counts when the picture shows several.' },
  facePoints: { label: 'Placed face', help: 'Eyes, nose and mouth corners, placed by hand.' },
  keepBackground: { label: 'Keep the background', help: 'Redraws around the face only.' },
  minLikeness: {
    label: 'Least likeness',
    help: 'Pictures less alike (−1 to 1) are drawn again. Empty: take them all.',
  },
  maxAttempts: { label: 'Attempts', help: 'How often a picture may be drawn again.' },
  seed: { label: 'Seed', help: 'The same seed and entries give the same picture. Empty: a new one each time.' },
  scheduler: { label: 'Scheduler', help: 'The rule by which noise becomes a picture.' },
  inferenceType: { label: 'Compute budget', help: 'Sparing or fast; the pictures’ size and number stay as you chose.' },
  celery: { label: 'Queue', help: 'Answer at once and work later; this page always queues.' },
  outputFormat: { label: 'File format', help: 'PNG is exact; WebP and JPEG are smaller.' },
};

const schedulers: Record<SchedulerKind, string> = {
  ddim: 'DDIM',
  lcm: 'LCM',
  euler: 'Euler',
  'dpmpp-2m': 'DPM++ 2M',
};

const budgets: Record<InferenceType, string> = {
  a10g: 'Economy: least memory (a10g)',
  a100: 'Balanced (a100)',
  h100: 'Quality: all this device has (h100)',
};

const backends: Record<BackendKind, string> = {
  'webgpu-f16': 'the graphics device (WebGPU, half precision)',
  'webgpu-f32': 'the graphics device (WebGPU, single precision)',
  wasm: 'the processor (WebAssembly)',
  'node-cpu': 'the processor',
};

const points = ['Left eye', 'Right eye', 'Nose', 'Left mouth corner', 'Right mouth corner'] as const;

/** Models: what is here, what can be had, and what is being done with it. */
const models = {
  heading: 'Models',
  hint: 'They stay in this browser and work without a connection.',
  manage: 'Manage storage',
  looking: 'Looking what is here …',
  states: { absent: 'Not installed', partial: 'Partly loaded', installed: 'Installed', damaged: 'Damaged: verify it' },
  inUse: 'In use',
  licence: (name: string, commercialUse: boolean): string =>
    `${name}, ${commercialUse ? 'commercial use allowed' : 'no commercial use'}`,
  sizes: (download: number, disk: number, memory: number | null): string =>
    [
      `${sizeInWords(download)} to load`,
      `${sizeInWords(disk)} on disk`,
      ...(memory === null ? [] : [`about ${sizeInWords(memory)} of memory`]),
    ].join(', '),
  fits: {
    fits: 'Fits this device.',
    tight: 'Tight on this device: close other tabs.',
    'too-large': 'Too large for this device.',
    unknown: '',
  },
  install: 'Install',
  resume: 'Go on loading',
  pause: 'Pause',
  cancel: 'Cancel',
  use: 'Use',
  verify: 'Verify and repair',
  exportZip: 'Export as zip',
  saveZip: (id: string): string => `Save ${id}.zip`,
  remove: 'Remove',
  takeOver: 'Go on here instead',
  elsewhere: 'Another tab works on it.',
  progress: (done: number, total: number): string =>
    `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB verified`,
  timeLeft: (ms: number): string => `${durationText(ms)} left`,
  wholeFilesOnly: 'This server can only send whole files: what breaks off starts again.',
  verified: (checked: number, repaired: number): string =>
    repaired === 0
      ? `All ${checked} parts are right.`
      : `${repaired} of ${checked} parts were damaged and are right again.`,
  add: 'Add a model',
  addFolder: 'From a folder',
  addZip: 'From a zip file',
  addUrl: 'Address of its folder',
  addFromUrl: 'Load',
  keep: 'Keep models on this device',
  kept: 'The browser has promised to keep them.',
  notPromised: 'The browser may delete them when the disk is short.',
};

export const en = {
  appName: 'Likeness',
  tagline: 'One face, many pictures.',
  privacy: 'Nothing leaves this device',
  privacyMore:
    'Your pictures stay in this browser. The photo is never uploaded, and kept only until its series are finished.',
  face: {
    heading: 'The face',
    samples: 'Try a drawn face',
    choose: 'Choose a picture',
    drop: 'Drop a picture here, or paste it',
    dropNow: 'Let go to use this picture',
    change: 'Another picture',
    remove: 'Remove',
    address: 'Picture’s address',
    addressToggle: 'Use a picture from the web',
    load: 'Fetch',
    opening: 'Looking for a face …',
    preview: 'The chosen picture',
    foundOne: 'Face found.',
    foundMany: (count: number): string => `${count} faces found. Choose one.`,
    faceNumber: (index: number): string => `Face ${index + 1}`,
    placed: 'You placed the face.',
    place: 'Place the face yourself',
    placeAgain: 'Move it',
    useFound: 'Use the face that was found',
    placing: 'Drag the box over the face, then its points onto eyes, nose and mouth.',
    placingKeys: 'Arrow keys move what has the focus.',
    box: 'Whole face',
    corner: 'Size of the face',
    points,
    done: 'Done',
    stopPlacing: 'Back',
    consent: 'Use pictures of people who agree to it.',
  },
  wish: {
    heading: 'The wish',
    placeholder: 'a woman in a red hat, smiling, blue background',
    examples: 'Ideas',
    words: 'Words this model knows',
    scenes: (count: number): string => `${count} scenes, one per line`,
    size: 'Size',
    sizes: { native: 'Square', portrait: 'Portrait', landscape: 'Landscape', large: 'Large', custom: 'Custom' },
    more: 'More settings',
    generate: 'Generate',
    generateCount: (count: number): string => `Generate ${count} pictures`,
    shortcut: 'Ctrl + Enter',
    noFace: 'Choose a face first.',
    noPrompt: 'Say what the picture should show.',
    standard: (value: string): string => `usual: ${value}`,
  },
  results: {
    heading: 'Pictures',
    empty: 'Your pictures will appear here.',
    emptyMore: 'Choose a face, write a wish, press Generate.',
    queued: (position: number): string => (position === 0 ? 'Waiting, next in line' : `Waiting, ${position} before it`),
    drawNext: 'Draw next',
    keptHere:
      'Pictures and waiting series stay in this browser until you remove them. Your photo is kept only until its series are finished.',
    cancelled: 'Cancelled.',
    cancel: 'Cancel',
    cancelAll: 'Cancel all',
    remove: 'Remove',
    clear: 'Clear all',
    download: 'Download',
    useSeed: 'Use this seed',
    seed: (seed: number): string => `Seed ${seed}`,
    likeness: (value: number): string => `Likeness ${value.toFixed(2)}`,
    likenessHelp: 'How alike the face network finds the two faces: 1 is the same, 0 unrelated (cosine similarity)',
    noFaceInResult: 'No face recognised',
    alt: (prompt: string, index: number): string => `${prompt}, picture ${index + 1}`,
    preview: 'Preview of the picture being drawn',
    /** `step` are done: the next one runs. */
    step: (step: number, steps: number): string => `step ${Math.min(step + 1, steps)} of ${steps}`,
    picture: (image: number, images: number): string => `picture ${image + 1} of ${images}`,
    timeLeft: (ms: number): string => `${durationText(ms)} left`,
    took: (ms: number): string => durationText(ms),
    finished: (count: number): string => (count === 1 ? '1 picture is ready.' : `${count} pictures are ready.`),
    repeat: 'Try again',
  },
  engine: {
    starting: 'Starting the engine …',
    loading: (loaded: number, total: number): string =>
      `Loading the model: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`,
    computes: (backend: BackendKind): string => `Computed by ${backends[backend]}`,
    elsewhere: 'Another tab draws at the moment.',
    takeOver: 'Draw here instead',
    heldBack: 'The page ended while the model was loading, perhaps for want of memory.',
    loadAnyway: 'Load the model',
    threads: (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`),
  },
  offline: {
    heading: 'Without a network',
    parts: { app: 'App', engine: 'Engine', model: 'Model' },
    readiness: {
      unknown: 'looking …',
      ready: 'on this device',
      missing: 'needs the network',
      never: 'not kept by this browser',
    },
    version: (version: string): string => `Version ${version}`,
  },
  update: {
    ready: 'An update is ready.',
    agreed: 'The update comes when the pictures being drawn are finished.',
    replaced: 'Likeness was updated in another window. Reload to use the new version here.',
    picturesGo: 'Pictures that could not be kept go with it: download those that you want.',
    reload: 'Reload',
    later: 'Later',
  },
  install: {
    button: 'Install Likeness',
    hints: {
      ios: 'To install: Share, then “Add to Home Screen”. It also keeps the model from being cleared after a week.',
      'mac-safari': 'To install: File, then “Add to Dock”; on an iPad: Share, then “Add to Home Screen”.',
      'firefox-android': 'To install: the browser’s menu, then “Add app to Home screen”.',
    },
  },
  models,
  errors: (code: ErrorCode, details: Details): ErrorText => enErrors[code](details),
  fieldProblem: (expected: string): string => `Must be ${expected}.`,
  dismiss: 'Dismiss',
  retry: 'Try again',
  stages,
  adjustment: (adjustment: Adjustment): string => adjustments[adjustment.reason](adjustment),
  fields,
  schedulers,
  budgets,
};

export type Messages = typeof en;

function sizeInWords(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `“${word}”`).join(', ');
}

function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}

function sizeText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'width' in value && 'height' in value) {
    return `${String(value.width)} × ${String(value.height)}`;
  }
  return Array.isArray(value) ? value.join(' × ') : String(value);
}

/** `from` the unknown words, `to` what is read instead, null where nothing known is close. */
function unknownWordsText(from: unknown, to: unknown): string {
  const words = Array.isArray(from) ? from.map(String) : [String(from)];
  const readAs = (index: number): unknown => (Array.isArray(to) ? (to[index] as unknown) : null) ?? null;
  const unread = words.filter((_, i) => readAs(i) === null);
  const read = words.flatMap((word, i) => (readAs(i) === null ? [] : [`“${word}” is read as “${String(readAs(i))}”.`]));
  return [...(unread.length > 0 ? [`The model does not know ${quoted(unread)}.`] : []), ...read].join(' ');
}
