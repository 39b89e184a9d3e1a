import type { CSSProperties } from 'preact';
import type { App } from '../app/create-app.ts';
import type { ReferencePicture } from '../app/reference.ts';
import type { FaceBox } from '../domain/image.ts';

/** The picture with the faces found in it; each can be chosen. */
export function FacePicture({ app, picture }: { app: App; picture: ReferencePicture }) {
  const { messages, reference } = app;
  const placed = reference.placed.value;
  return (
    <div class="picture" style={aspectOf(picture)}>
      <img src={picture.url} alt={messages.face.preview} />
      {placed !== null && <span class="face-box chosen-face" style={boxStyle(squareOf(placed), picture)} />}
      {picture.faces.map(({ box }, index) => (
        <button
          key={index}
          type="button"
          class="face-box"
          style={boxStyle(box, picture)}
          aria-pressed={placed === null && reference.chosenFace.value === index}
          aria-label={messages.face.faceNumber(index)}
          onClick={() => reference.choose(index)}
        />
      ))}
    </div>
  );
}

export function aspectOf({ width, height }: { width: number; height: number }): CSSProperties {
  return { aspectRatio: `${width} / ${height}` };
}

/** Part of the picture as percentages, so that it holds at every size of the page. */
export function boxStyle(box: FaceBox, { width, height }: { width: number; height: number }): CSSProperties {
  const percent = (part: number, whole: number): string => `${(100 * part) / whole}%`;
  return {
    left: percent(box.left, width),
    top: percent(box.top, height),
    width: percent(box.right - box.left, width),
    height: percent(box.bottom - box.top, height),
  };
}

export function squareOf({ left, top, size }: { left: number; top: number; size: number }): FaceBox {
  return { left, top, right: left + size, bottom: top + size };
}
