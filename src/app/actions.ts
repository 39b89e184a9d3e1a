import { computed, type ReadonlySignal } from '@preact/signals';
import type { Messages } from '../i18n/en.ts';
import type { ReferenceModel } from './reference.ts';
import type { SeriesModel } from './series.ts';

/** Something a person can do; buttons and shortcuts are made from this list. */
export interface Action {
  readonly id: 'generate' | 'cancel-all' | 'place-face' | 'stop-placing' | 'remove-face' | 'clear-results';
  readonly label: string;
  readonly shortcut: Shortcut | null;
  readonly enabled: ReadonlySignal<boolean>;
  run(): void;
}

export interface Shortcut {
  readonly key: string;
  /** Ctrl, or ⌘ on a Mac. */
  readonly command: boolean;
}

export type Actions = Readonly<Record<Action['id'], Action>>;

export interface ActionParts {
  readonly reference: ReferenceModel;
  readonly series: SeriesModel;
  readonly messages: Messages;
  readonly modelReady: ReadonlySignal<boolean>;
}

export function createActions(parts: ActionParts): Actions {
  const { reference, series, messages, modelReady } = parts;
  return {
    'stop-placing': {
      id: 'stop-placing',
      label: messages.face.stopPlacing,
      shortcut: { key: 'Escape', command: false },
      enabled: computed(() => reference.draft.value !== null),
      run: () => reference.stopPlacing(),
    },
    generate: {
      id: 'generate',
      label: messages.wish.generate,
      shortcut: { key: 'Enter', command: true },
      enabled: computed(() => modelReady.value && !reference.opening.value),
      run: () => {
        if (reference.draft.peek() !== null) reference.finishPlacing();
        series.generate();
      },
    },
    'cancel-all': {
      id: 'cancel-all',
      label: messages.results.cancelAll,
      shortcut: { key: 'Escape', command: false },
      enabled: series.busy,
      run: () => void series.cancelAll(),
    },
    'place-face': {
      id: 'place-face',
      label: messages.face.place,
      shortcut: null,
      enabled: computed(() => reference.picture.value !== null),
      run: () => reference.startPlacing(),
    },
    'remove-face': {
      id: 'remove-face',
      label: messages.face.remove,
      shortcut: null,
      enabled: computed(() => reference.picture.value !== null),
      run: () => reference.remove(),
    },
    'clear-results': {
      id: 'clear-results',
      label: messages.results.clear,
      shortcut: null,
      enabled: computed(() => series.list.value.length > 0),
      run: () => series.clear(),
    },
  };
}

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly isComposing: boolean;
}

/** The first enabled action whose shortcut was pressed; none while a word is being composed. */
export function actionForKey(actions: Actions, press: KeyPress): Action | null {
  if (press.isComposing) return null;
  const command = press.ctrlKey || press.metaKey;
  const matches = Object.values(actions).filter(
    ({ shortcut, enabled }) => shortcut?.key === press.key && shortcut.command === command && enabled.peek(),
  );
  return matches[0] ?? null;
}
