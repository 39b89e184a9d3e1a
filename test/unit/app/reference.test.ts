import { describe, expect, it } from 'vitest';
import { createReference } from '../../../src/app/reference.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { DetectedFace } from '../../../src/domain/image.ts';
import type { ImageSource } from '../../../src/domain/request.ts';
import type { OpenedPicture } from '../../../src/engine/generation-api.ts';

const POINTS = [
  { x: 40, y: 40 },
  { x: 60, y: 40 },
  { x: 50, y: 50 },
  { x: 42, y: 62 },
  { x: 58, y: 62 },
] as const;
const FACE: DetectedFace = { box: { left: 30, top: 25, right: 70, bottom: 75 }, points: POINTS, score: 1 };
const source = (text: string): ImageSource => ({ kind: 'blob', blob: new Blob([text]) });
const opened = (faces: readonly DetectedFace[]): OpenedPicture => {
  return { file: new Blob(['file']), width: 100, height: 100, faces };
};

describe('createReference', () => {
  it('wishes for nothing in particular when one face was found', async () => {
    const reference = createReference(() => Promise.resolve(opened([FACE])));
    expect(reference.ready.value).toBe(false);
    await reference.open(source('a'));
    expect(reference.ready.value).toBe(true);
    expect(reference.wish()).toMatchObject({ image: { kind: 'blob' }, faceIndex: null, facePoints: null });
  });

  it('wishes for the face that was chosen among several', async () => {
    const reference = createReference(() => Promise.resolve(opened([FACE, FACE])));
    await reference.open(source('a'));
    reference.choose(1);
    expect(reference.wish().faceIndex).toBe(1);
  });

  it('is ready only after placing when no face was found', async () => {
    const reference = createReference(() => Promise.resolve(opened([])));
    await reference.open(source('a'));
    expect(reference.ready.value).toBe(false);
    reference.startPlacing();
    expect(reference.ready.value).toBe(false);
    reference.finishPlacing();
    expect(reference.ready.value).toBe(true);
    expect(reference.wish().facePoints).toHaveLength(5);
    reference.useFound();
    expect(reference.ready.value).toBe(false);
  });

  it('starts placing from the face that was found, and a placed face wins over it', async () => {
    const reference = createReference(() => Promise.resolve(opened([FACE, FACE])));
    await reference.open(source('a'));
    reference.startPlacing();
    reference.finishPlacing();
    expect(reference.wish()).toMatchObject({ facePoints: POINTS, faceIndex: null });
    reference.choose(0);
    expect(reference.wish()).toMatchObject({ facePoints: null, faceIndex: 0 });
  });

  it('keeps the picture that was there when another cannot be read', async () => {
    let fail = false;
    const reference = createReference(() =>
      fail ? Promise.reject(new AppError('image-corrupt', 'Damaged.')) : Promise.resolve(opened([FACE])),
    );
    await reference.open(source('a'));
    fail = true;
    await reference.open(source('b'));
    expect(reference.error.value?.code).toBe('image-corrupt');
    expect(reference.ready.value).toBe(true);
    expect(reference.opening.value).toBe(false);
  });

  it('shows the picture asked for last, whichever is read first', async () => {
    const answers: ((picture: OpenedPicture) => void)[] = [];
    const reference = createReference(() => new Promise((resolve) => answers.push(resolve)));
    const first = reference.open(source('a'));
    const second = reference.open(source('b'));
    answers[1]!(opened([FACE, FACE]));
    answers[0]!(opened([FACE]));
    await Promise.all([first, second]);
    expect(reference.picture.value?.faces).toHaveLength(2);
  });
});
