import { batch } from '@preact/signals';
import type { App } from '../app/create-app.ts';
import { REQUEST_FIELDS } from '../domain/request-fields.ts';
import { describe } from './field.tsx';

/** Width and height, with shapes to pick from. */
export function SizeField({ app }: { app: App }) {
  const { messages, form } = app;
  const native = app.model.value?.native ?? { width: 256, height: 256 };
  const { width, height } = form.values;
  const problem = form.problems.value.get('width') ?? form.problems.value.get('height');
  const shapes = shapesFor(native);
  const now = `${width.value || native.width}x${height.value || native.height}`;
  const chosen = shapes.find((shape) => `${shape.width}x${shape.height}` === now);
  const labels = messages.wish.sizes;
  return (
    <fieldset class="field size">
      <legend>{messages.wish.size}</legend>
      <div class="row">
        <select
          aria-label={messages.wish.size}
          value={chosen?.name ?? 'custom'}
          onChange={(event) => {
            const shape = shapes.find(({ name }) => name === event.currentTarget.value);
            if (shape === undefined) return;
            batch(() => {
              width.value = String(shape.width);
              height.value = String(shape.height);
            });
          }}
        >
          {shapes.map((shape) => (
            <option key={shape.name} value={shape.name}>
              {labels[shape.name]}
            </option>
          ))}
          {chosen === undefined && <option value="custom">{labels.custom}</option>}
        </select>
        <SideInput app={app} field="width" usual={native.width} />
        <span aria-hidden="true">×</span>
        <SideInput app={app} field="height" usual={native.height} />
      </div>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {messages.fieldProblem(problem)}
        </p>
      )}
    </fieldset>
  );
}

function SideInput({ app, field, usual }: { app: App; field: 'width' | 'height'; usual: number }) {
  const value = app.form.values[field];
  const { id, ...marks } = describe(app, field);
  return (
    <input
      {...marks}
      id={id}
      type="text"
      inputMode="numeric"
      autocomplete="off"
      aria-label={app.messages.fields[field].label}
      title={app.messages.fields[field].help}
      placeholder={String(usual)}
      value={value.value}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  );
}

/** A request's least width and height. */
const SMALLEST_SIDE = REQUEST_FIELDS.width.rule.range?.min ?? 1;

interface Shape {
  readonly name: 'native' | 'portrait' | 'landscape' | 'large';
  readonly width: number;
  readonly height: number;
}

/** The model's own size, half as much again in one direction, and twice the size. */
function shapesFor(native: { width: number; height: number }): readonly Shape[] {
  const width = Math.max(native.width, SMALLEST_SIDE);
  const height = Math.max(native.height, SMALLEST_SIDE);
  return [
    { name: 'native', width, height },
    { name: 'portrait', width, height: height * 1.5 },
    { name: 'landscape', width: width * 1.5, height },
    { name: 'large', width: width * 2, height: height * 2 },
  ];
}
