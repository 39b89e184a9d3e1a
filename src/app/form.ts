import { effect, signal, type Signal } from '@preact/signals';
import type { FieldProblem, RequestInput } from '../domain/normalise-request.ts';
import { REQUEST_FIELDS, type RequestField } from '../domain/request-fields.ts';

/** Fields that a person types or picks; the face has its own model, and `celery` means nothing where all is queued. */
export const FORM_FIELDS = [
  'prompt',
  'negativePrompt',
  'batch',
  'width',
  'height',
  'strength',
  'faceStrength',
  'steps',
  'guidanceScale',
  'denoise',
  'seed',
  'scheduler',
  'inferenceType',
  'keepBackground',
  'minLikeness',
  'maxAttempts',
  'outputFormat',
] as const satisfies readonly RequestField[];
export type FormField = (typeof FORM_FIELDS)[number];

const INITIAL: Partial<Record<FormField, string>> = { batch: '4', maxAttempts: '3' };

export interface FormModel {
  /** What was entered, as entered: also what is not right. Empty = the usual value. Flags are '' or 'true'. */
  readonly values: Readonly<Record<FormField, Signal<string>>>;
  /** What would be right, by field; cleared as soon as the field changes. */
  readonly problems: Signal<ReadonlyMap<RequestField, string>>;
  readonly moreReferences: Signal<readonly File[]>;
  /** One prompt per line that is not empty. */
  prompts(): readonly string[];
  /** The wish for one prompt. */
  input(prompt: string): RequestInput;
  showProblems(problems: readonly FieldProblem[]): void;
  clearProblem(field: RequestField): void;
  /** Adds a word to the wish; `vocabulary` are the words of the model by kind. */
  addToPrompt(word: string, vocabulary: Readonly<Record<string, readonly string[]>>): void;
}

/** Where entries survive a reload; never the face. */
export interface FormStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const STORAGE_KEY = 'likeness:form';

export function createForm(storage: FormStorage | null): FormModel {
  const kept = readKept(storage);
  const problems = signal<ReadonlyMap<RequestField, string>>(new Map());
  const values = Object.fromEntries(
    FORM_FIELDS.map((field) => [field, signal(kept[field] ?? INITIAL[field] ?? '')]),
  ) as Record<FormField, Signal<string>>;
  const moreReferences = signal<readonly File[]>([]);

  const clearProblem = (field: RequestField): void => {
    if (problems.peek().has(field)) problems.value = new Map([...problems.peek()].filter(([name]) => name !== field));
  };
  for (const field of FORM_FIELDS) {
    let before = values[field].peek();
    effect(() => {
      const now = values[field].value;
      if (now === before) return;
      before = now;
      clearProblem(field);
    });
  }
  effect(() => {
    const entries = Object.fromEntries(FORM_FIELDS.map((field) => [field, values[field].value]));
    try {
      storage?.setItem(STORAGE_KEY, JSON.stringify(entries));
    } catch {
      // Storage that is full or forbidden only means that a reload forgets the entries.
    }
  });

  return {
    values,
    problems,
    moreReferences,
    prompts: () =>
      values.prompt.value
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    input(prompt) {
      const entered = Object.fromEntries(
        FORM_FIELDS.map((field) => [field, toWish(field, values[field].value)]),
      ) as Partial<Record<FormField, unknown>>;
      const referenceImages = moreReferences.value.map((blob) => ({ kind: 'blob', blob }));
      return { ...entered, prompt, referenceImages };
    },
    showProblems(list) {
      problems.value = new Map(list.map(({ field, expected }) => [field as RequestField, expected]));
    },
    clearProblem,
    addToPrompt(word, vocabulary) {
      const before = values.prompt.value;
      const glue = before === '' || /\s$/.test(before) ? '' : belongsTo(before, word, vocabulary) ? ' ' : ', ';
      values.prompt.value = before + glue + word;
    },
  };
}

/** Whether a word goes on with what stands before: “red” + “hat”, “striped” + “shirt”, but “smiling” + “hat” is two. */
function belongsTo(before: string, word: string, vocabulary: Readonly<Record<string, readonly string[]>>): boolean {
  if (/[,.;]$/.test(before)) return true;
  const last = before.split(/[\s,]+/).at(-1) ?? '';
  const kind = Object.keys(vocabulary).find((name) => vocabulary[name]?.includes(last));
  return kind === 'colour' || (kind !== undefined && vocabulary[kind]?.includes(word) === true);
}

/** What was typed as the type that the field wants; what cannot be one stays wrong and is told. */
function toWish(field: FormField, entered: string): unknown {
  const rule = REQUEST_FIELDS[field].rule;
  if (field === 'keepBackground') return entered === 'true';
  if (entered.trim() === '') return field === 'negativePrompt' ? '' : undefined;
  return rule.range === undefined ? entered : Number(entered);
}

function readKept(storage: FormStorage | null): Partial<Record<FormField, string>> {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(STORAGE_KEY) ?? '{}');
    if (typeof kept !== 'object' || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter(([, value]) => typeof value === 'string'));
  } catch {
    return {};
  }
}
