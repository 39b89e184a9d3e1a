import { computed, signal, type ReadonlySignal } from '@preact/signals';
import { toAppError, type AppError } from '../domain/errors.ts';
import type { FacePoints } from '../domain/image.ts';
import type { ImageSource } from '../domain/request.ts';
import type { OpenedPicture } from '../engine/generation-api.ts';
import { initialPlacement, placementOf, type Placement } from './face-placement.ts';

export interface ReferencePicture extends OpenedPicture {
  /** Object URL for showing it. */
  readonly url: string;
  /** Id of the sample that it is, if it is one. */
  readonly sample: string | null;
}

/** The face that stays the same: its picture, the faces found in it, and the one that counts. Never stored. */
export interface ReferenceModel {
  readonly picture: ReadonlySignal<ReferencePicture | null>;
  readonly opening: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<AppError | null>;
  /** Index into the faces found, which are ordered by size. */
  readonly chosenFace: ReadonlySignal<number>;
  /** The face while it is being placed by hand. */
  readonly draft: ReadonlySignal<Placement | null>;
  /** The face placed by hand; it wins over the ones found. */
  readonly placed: ReadonlySignal<Placement | null>;
  /** Whether a face is known, so that pictures can be made. */
  readonly ready: ReadonlySignal<boolean>;
  open(source: ImageSource, sample?: string): Promise<void>;
  /** As `open`, but the picture lies beside the page. */
  openSample(id: string, url: string): Promise<void>;
  choose(index: number): void;
  startPlacing(): void;
  place(draft: Placement): void;
  finishPlacing(): void;
  /** Leaves placing, back to what was before. */
  stopPlacing(): void;
  /** Forgets the placed face in favour of the ones found. */
  useFound(): void;
  remove(): void;
  dismissError(): void;
  /** The request's share. */
  wish(): { image: ImageSource | undefined; faceIndex: number | null; facePoints: FacePoints | null };
}

export function createReference(openPicture: (source: ImageSource) => Promise<OpenedPicture>): ReferenceModel {
  const picture = signal<ReferencePicture | null>(null);
  const pending = signal(0);
  const error = signal<AppError | null>(null);
  const chosenFace = signal(0);
  const draft = signal<Placement | null>(null);
  const placed = signal<Placement | null>(null);
  const ready = computed(() => {
    const present = picture.value;
    return present !== null && (placed.value !== null || present.faces.length > 0);
  });
  /** Only the last picture that was asked for may appear. */
  let latest = 0;

  const show = (next: ReferencePicture | null): void => {
    if (picture.value !== null) URL.revokeObjectURL(picture.value.url);
    picture.value = next;
    chosenFace.value = 0;
    draft.value = null;
    placed.value = null;
  };

  async function open(source: ImageSource, sample: string | null): Promise<void> {
    latest += 1;
    const mine = latest;
    error.value = null;
    pending.value += 1;
    try {
      const opened = await openPicture(source);
      if (mine === latest) show({ ...opened, url: URL.createObjectURL(opened.file), sample });
    } catch (thrown) {
      // The picture that was there stays.
      if (mine === latest) error.value = toAppError(thrown);
    } finally {
      pending.value -= 1;
    }
  }

  return {
    picture,
    opening: computed(() => pending.value > 0),
    error,
    chosenFace,
    draft,
    placed,
    ready,
    open: (source) => open(source, null),
    openSample: (id, url) => open({ kind: 'url', url }, id),
    choose(index) {
      chosenFace.value = index;
      placed.value = null;
    },
    startPlacing() {
      const present = picture.value;
      if (present === null) return;
      const found = present.faces[chosenFace.value];
      draft.value =
        placed.value ?? (found === undefined ? initialPlacement(present) : placementOf(found.points, present));
    },
    place(next) {
      draft.value = next;
    },
    finishPlacing() {
      placed.value = draft.value;
      draft.value = null;
    },
    stopPlacing() {
      draft.value = null;
    },
    useFound() {
      placed.value = null;
      draft.value = null;
    },
    remove() {
      latest += 1;
      error.value = null;
      show(null);
    },
    dismissError() {
      error.value = null;
    },
    wish() {
      const present = picture.value;
      const byHand = placed.value?.points ?? null;
      return {
        image: present === null ? undefined : { kind: 'blob', blob: present.file },
        faceIndex: byHand === null && present !== null && present.faces.length > 1 ? chosenFace.value : null,
        facePoints: byHand,
      };
    },
  };
}
