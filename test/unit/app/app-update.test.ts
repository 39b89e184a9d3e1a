import { signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppShell } from '../../../src/app/app-shell.ts';
import { createUpdate } from '../../../src/app/app-update.ts';

const HOUR_MS = 60 * 60_000;

/** A page with its update model; `updateReady` and `replaced` are what its shell tells. */
function openPage() {
  const busy = signal(false);
  const calls: string[] = [];
  let shown = 0;
  const page = {
    busy,
    calls,
    /** Whether another window draws. */
    otherDraws: false,
    updateReady: (): void => undefined,
    replaced: (): void => undefined,
  };
  const shell: AppShell = {
    start: () => Promise.resolve(true),
    kept: () => Promise.resolve(null),
    keep: () => Promise.resolve(null),
    onUpdateReady: (listener) => (page.updateReady = listener),
    onReplaced: (listener) => (page.replaced = listener),
    lookForUpdate: () => Promise.resolve(void calls.push('look')),
    letUpdateIn: () => void calls.push('let in'),
  };
  const sign = {
    show: () => {
      shown += 1;
      return () => void (shown -= 1);
    },
    isFree: () => Promise.resolve(shown === 0 && !page.otherDraws),
  };
  const update = createUpdate({ shell, busy, sign, reload: () => void calls.push('reload') });
  return Object.assign(page, { update });
}

describe('an update', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('does nothing by itself', async () => {
    const page = openPage();
    page.updateReady();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([page.update.state.value, page.calls]).toEqual(['ready', []]);
  });

  it('is let in after consent, and the page reloads when it has taken over', async () => {
    const page = openPage();
    page.updateReady();
    page.update.agree();
    await vi.advanceTimersByTimeAsync(0);
    expect(page.calls).toEqual(['let in']);
    page.replaced();
    expect(page.calls).toEqual(['let in', 'reload']);
  });

  it('waits for what this window draws, and for what another one does', async () => {
    const page = openPage();
    page.busy.value = true;
    page.updateReady();
    page.update.agree();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(page.calls).toEqual([]);
    page.busy.value = false;
    page.otherDraws = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(page.calls).toEqual([]);
    page.otherDraws = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(page.calls[0]).toBe('let in');
  });

  it('never reloads a window that draws, even if it has agreed and another let the update in', async () => {
    const page = openPage();
    page.updateReady();
    page.busy.value = true;
    page.update.agree();
    page.replaced();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(page.calls).toEqual([]);
    page.busy.value = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(page.calls[0]).toBe('reload');
  });

  it('that came by another window is told, not forced', async () => {
    const page = openPage();
    page.replaced();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([page.update.state.value, page.calls]).toEqual(['replaced', []]);
    page.update.agree();
    await vi.advanceTimersByTimeAsync(0);
    expect(page.calls).toEqual(['reload']);
  });

  it('can be put off, also after consent', async () => {
    const page = openPage();
    page.busy.value = true;
    page.updateReady();
    page.update.agree();
    page.update.later();
    page.busy.value = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect([page.update.state.value, page.calls]).toEqual(['none', []]);
  });

  it('is looked for once an hour, while nothing is drawn', async () => {
    const page = openPage();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(page.calls).toEqual(['look']);
    page.busy.value = true;
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(page.calls).toEqual(['look']);
  });
});
