import type { CSSProperties, TargetedKeyboardEvent, TargetedPointerEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { moveBox, movePoint, resizeBox, type Placement } from '../app/face-placement.ts';
import type { ReferenceModel, ReferencePicture } from '../app/reference.ts';
import type { Messages } from '../i18n/en.ts';
import { aspectOf, boxStyle, squareOf } from './face-picture.tsx';

interface FacePlacerProps {
  readonly picture: ReferencePicture;
  readonly reference: ReferenceModel;
  readonly messages: Messages;
}

type Move = (from: Placement, dx: number, dy: number) => Placement;

/** Arrow keys move by this part of the picture's width. */
const KEY_STEP = 0.01;
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A square and five points over the picture, moved by pointer or arrow keys. */
export function FacePlacer({ picture, reference, messages }: FacePlacerProps) {
  const frame = useRef<HTMLDivElement>(null);
  const last = useRef({ x: 0, y: 0 });
  const placement = reference.draft.value;
  // Who places by keyboard starts at the box, and finds the way back to the button that began it.
  useEffect(() => {
    frame.current?.querySelector('button')?.focus();
    return () => requestAnimationFrame(() => document.getElementById('place-face')?.focus());
  }, []);
  if (placement === null) return null;

  /** Handlers for one thing that can be moved; `move` gets the way in pixels of the picture. */
  const movable = (move: Move) => {
    // Several moves may come before the next rendering, so each starts from the model, not from what was rendered.
    const moveBy = (dx: number, dy: number): void => {
      const current = reference.draft.peek();
      if (current !== null) reference.place(move(current, dx, dy));
    };
    return {
      onPointerDown: (event: TargetedPointerEvent<HTMLButtonElement>): void => {
        event.currentTarget.setPointerCapture(event.pointerId);
        last.current = { x: event.clientX, y: event.clientY };
      },
      onPointerMove: (event: TargetedPointerEvent<HTMLButtonElement>): void => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const scale = picture.width / (frame.current?.clientWidth ?? picture.width);
        moveBy((event.clientX - last.current.x) * scale, (event.clientY - last.current.y) * scale);
        last.current = { x: event.clientX, y: event.clientY };
      },
      onKeyDown: (event: TargetedKeyboardEvent<HTMLButtonElement>): void => {
        const arrow = ARROWS[event.key];
        if (arrow === undefined) return;
        event.preventDefault();
        const step = picture.width * KEY_STEP;
        moveBy(arrow[0] * step, arrow[1] * step);
      },
    };
  };

  const square = squareOf(placement);
  return (
    <div class="chosen">
      <p>{messages.face.placing}</p>
      <div class="picture placing" ref={frame} style={aspectOf(picture)}>
        <img src={picture.url} alt={messages.face.preview} draggable={false} />
        <button
          type="button"
          class="face-box movable"
          style={boxStyle(square, picture)}
          aria-label={messages.face.box}
          {...movable((from, dx, dy) => moveBox(from, dx, dy, picture))}
        />
        <button
          type="button"
          class="handle corner"
          style={at({ x: square.right, y: square.bottom }, picture)}
          aria-label={messages.face.corner}
          {...movable((from, dx, dy) => resizeBox(from, from.size + (dx + dy) / 2, picture))}
        />
        {placement.points.map((point, index) => (
          <button
            key={index}
            type="button"
            class="handle"
            style={at(point, picture)}
            title={messages.face.points[index]}
            aria-label={messages.face.points[index]}
            {...movable((from, dx, dy) => {
              const { x, y } = from.points[index]!;
              return movePoint(from, index, { x: x + dx, y: y + dy }, picture);
            })}
          />
        ))}
      </div>
      <p class="hint">{messages.face.placingKeys}</p>
      <div class="row">
        <button type="button" class="secondary" onClick={() => reference.finishPlacing()}>
          {messages.face.done}
        </button>
        <button type="button" class="quiet" onClick={() => reference.stopPlacing()}>
          {messages.face.stopPlacing}
        </button>
      </div>
    </div>
  );
}

function at(point: { x: number; y: number }, { width, height }: ReferencePicture): CSSProperties {
  return { left: `${(100 * point.x) / width}%`, top: `${(100 * point.y) / height}%` };
}
