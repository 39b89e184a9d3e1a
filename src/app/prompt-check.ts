import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { Adjustment } from '../domain/request.ts';

const PAUSE_MS = 300;

/**
 * What the model will make of a text, asked for when typing pauses. Only the last text's answer appears; a check that
 * fails says nothing, because generating tells the same.
 */
export function createPromptCheck(
  text: ReadonlySignal<string>,
  ready: ReadonlySignal<boolean>,
  check: (text: string) => Promise<readonly Adjustment[]>,
): ReadonlySignal<readonly Adjustment[]> {
  const remarks = signal<readonly Adjustment[]>([]);
  effect(() => {
    const entered = text.value;
    if (!ready.value || entered.trim() === '') {
      remarks.value = [];
      return;
    }
    const current = { yes: true };
    const timer = setTimeout(() => {
      check(entered).then(
        (found) => {
          if (current.yes) remarks.value = found;
        },
        () => undefined,
      );
    }, PAUSE_MS);
    return () => {
      current.yes = false;
      clearTimeout(timer);
    };
  });
  return remarks;
}
