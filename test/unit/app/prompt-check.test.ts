import { signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPromptCheck } from '../../../src/app/prompt-check.ts';
import type { Adjustment } from '../../../src/domain/request.ts';

const remark = (text: string): readonly Adjustment[] => [
  { field: 'prompt', from: [text], to: [null], reason: 'unknown-words' },
];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('createPromptCheck', () => {
  it('asks once typing pauses, and only for the last text', async () => {
    const asked: string[] = [];
    const text = signal('a');
    const remarks = createPromptCheck(text, signal(true), (entered) => {
      asked.push(entered);
      return Promise.resolve(remark(entered));
    });
    text.value = 'ab';
    text.value = 'abc';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual(['abc']);
    expect(remarks.value).toEqual(remark('abc'));
    text.value = '';
    expect(remarks.value).toEqual([]);
  });

  it('waits for the model', async () => {
    const ready = signal(false);
    const remarks = createPromptCheck(signal('abc'), ready, (entered) => Promise.resolve(remark(entered)));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(remarks.value).toEqual([]);
    ready.value = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(remarks.value).toEqual(remark('abc'));
  });

  it('drops an answer that comes after the text has changed, and says nothing when checking fails', async () => {
    let answer: (found: readonly Adjustment[]) => void = () => undefined;
    const text = signal('first');
    const remarks = createPromptCheck(text, signal(true), (entered) => {
      if (entered === 'second') return Promise.reject(new Error('no worker'));
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    await vi.advanceTimersByTimeAsync(1_000);
    text.value = 'second';
    answer(remark('first'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(remarks.value).toEqual([]);
  });
});
