import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { AppShell } from './app-shell.ts';

/**
 * `ready`: another version waits for consent. `agreed`: it comes when nothing is being drawn any more. `replaced`: it
 * came by another window; this page is old and should be reloaded.
 */
export type UpdateState = 'none' | 'ready' | 'agreed' | 'replaced';

export interface UpdateModel {
  readonly state: ReadonlySignal<UpdateState>;
  /** Reloads into the other version as soon as no window draws. */
  agree(): void;
  /** Takes the question, or the consent, back; it is asked again at the next visit. */
  later(): void;
}

/** Tells the app's other windows that this one draws. */
export interface BusySign {
  /** Shows the sign until the function returned is called. */
  show(): () => void;
  /** Whether no window shows it. */
  isFree(): Promise<boolean>;
}

export interface UpdateParts {
  readonly shell: AppShell;
  /** Whether this page draws. */
  readonly busy: ReadonlySignal<boolean>;
  readonly sign: BusySign;
  readonly reload: () => void;
}

const LOOK_EVERY_MS = 60 * 60_000;
const ASK_AGAIN_MS = 500;

export function createUpdate({ shell, busy, sign, reload }: UpdateParts): UpdateModel {
  const state = signal<UpdateState>('none');
  let takenOver = false;

  let takeDown: (() => void) | null = null;
  effect(() => {
    if (busy.value) takeDown ??= sign.show();
    else {
      takeDown?.();
      takeDown = null;
    }
  });

  shell.onUpdateReady(() => {
    if (state.peek() === 'none') state.value = 'ready';
  });
  shell.onReplaced(() => {
    takenOver = true;
    if (state.peek() === 'agreed' && !busy.peek()) reload();
    else if (state.peek() !== 'agreed') state.value = 'replaced';
  });
  setInterval(() => {
    if (!busy.peek()) void shell.lookForUpdate();
  }, LOOK_EVERY_MS);

  async function letInWhenFree(): Promise<void> {
    while (state.peek() === 'agreed') {
      if (!busy.peek() && (await sign.isFree())) {
        // The reload follows when the new version has taken over; it may have done so for another window.
        if (takenOver) reload();
        else shell.letUpdateIn();
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  return {
    state,
    agree() {
      if (state.peek() === 'agreed') return;
      state.value = 'agreed';
      void letInWhenFree();
    },
    later() {
      state.value = 'none';
    },
  };
}
