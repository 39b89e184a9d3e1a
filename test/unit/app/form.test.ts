import { describe, expect, it } from 'vitest';
import { createForm, type FormStorage } from '../../../src/app/form.ts';
import { normaliseRequest } from '../../../src/domain/normalise-request.ts';
import { TEST_MODEL } from '../../fixtures/make-task.ts';

class MemoryStorage implements FormStorage {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

const problemsOf = (input: ReturnType<ReturnType<typeof createForm>['input']>): unknown => {
  try {
    normaliseRequest({ ...input, image: new Blob(['x']) }, TEST_MODEL, () => 1);
    return [];
  } catch (error) {
    const { problems } = (error as { details: { problems: readonly { field: string }[] } }).details;
    return problems.map(({ field }) => field);
  }
};

describe('createForm', () => {
  it('makes a request of usual values from a form that was not touched', () => {
    const form = createForm(null);
    const { request } = normaliseRequest({ ...form.input('a hat'), image: new Blob(['x']) }, TEST_MODEL, () => 5);
    expect(request).toMatchObject({ prompt: 'a hat', batch: 4, width: 256, steps: 4, strength: 0.15, seed: 5 });
  });

  it.each(['abc', 'NaN', '1e999', '-1', '3.5'])('keeps %j as the number of steps and marks it as wrong', (entered) => {
    const form = createForm(null);
    form.values.steps.value = entered;
    expect(problemsOf(form.input('x'))).toEqual(['steps']);
    expect(form.values.steps.value).toBe(entered);
  });

  it('takes each line as a prompt of its own', () => {
    const form = createForm(null);
    form.values.prompt.value = ' red hat \n\n  \nblue hat\r\n';
    expect(form.prompts()).toEqual(['red hat', 'blue hat']);
  });

  it('adds known words, with a comma between those that do not belong together', () => {
    const form = createForm(null);
    const vocabulary = { colour: ['red', 'blue'], garment: ['striped', 'shirt'], headwear: ['hat'], mood: ['smiling'] };
    for (const word of ['smiling', 'red', 'hat', 'striped', 'shirt']) form.addToPrompt(word, vocabulary);
    expect(form.values.prompt.value).toBe('smiling, red hat, striped shirt');
    form.values.prompt.value = 'a ';
    form.addToPrompt('hat', vocabulary);
    expect(form.values.prompt.value).toBe('a hat');
    form.values.prompt.value = 'a man,';
    form.addToPrompt('smiling', vocabulary);
    expect(form.values.prompt.value).toBe('a man, smiling');
  });

  it('clears the mark of a field when it changes, and only that one', () => {
    const form = createForm(null);
    form.showProblems([
      { field: 'steps', expected: 'a' },
      { field: 'seed', expected: 'b' },
    ]);
    form.values.steps.value = '4';
    expect([...form.problems.value.keys()]).toEqual(['seed']);
  });

  it('keeps entries over a reload', () => {
    const storage = new MemoryStorage();
    createForm(storage).values.prompt.value = 'a hat';
    expect(createForm(storage).values.prompt.value).toBe('a hat');
    expect([...storage.items.values()].join()).not.toContain('blob');
  });

  it.each(['not json', 'null', '[1]', '{"prompt":5}'])('starts afresh from kept entries like %s', (kept) => {
    const storage = new MemoryStorage();
    storage.setItem('likeness:form', kept);
    expect(createForm(storage).values.prompt.value).toBe('');
  });

  it('works where storing is forbidden', () => {
    const form = createForm({
      getItem: () => null,
      setItem: () => {
        throw new Error('SecurityError');
      },
    });
    form.values.prompt.value = 'a hat';
    expect(form.values.prompt.value).toBe('a hat');
  });
});
