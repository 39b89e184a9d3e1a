import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { App } from '../app/create-app.ts';
import type { FormField } from '../app/form.ts';
import { REQUEST_FIELDS, type RequestField } from '../domain/request-fields.ts';

interface FieldProps {
  readonly app: App;
  readonly field: FormField;
}

/** What the control of a field needs to be labelled, explained and marked when it is wrong. */
export function describe(app: App, field: RequestField) {
  const wrong = app.form.problems.value.has(field);
  return {
    id: `field-${field}`,
    'aria-describedby': `help-${field}`,
    ...(wrong ? { 'aria-invalid': 'true' as const } : {}),
  };
}

/** Label, control, one sentence of help, and what would be right when it is not. */
export function Field({ app, field, children }: FieldProps & { readonly children: ComponentChildren }) {
  const { label, help } = app.messages.fields[field];
  const problem = problemText(app, field);
  return (
    <div class="field">
      <label for={`field-${field}`}>{label}</label>
      {children}
      <p
        class={problem === null ? 'hint' : 'problem'}
        id={`help-${field}`}
        role={problem === null ? undefined : 'alert'}
      >
        {problem ?? help}
      </p>
    </div>
  );
}

function problemText({ form, messages }: App, field: FormField): string | null {
  const expected = form.problems.value.get(field);
  if (expected === undefined) return null;
  return field === 'prompt' && form.prompts().length === 0 ? messages.wish.noPrompt : messages.fieldProblem(expected);
}

/** A number as text, so that what was typed stays, also when it is no number. */
export function NumberField({ app, field, usual }: FieldProps & { readonly usual?: number | undefined }) {
  const whole = REQUEST_FIELDS[field].rule.range?.whole === true;
  return (
    <Field app={app} field={field}>
      <input
        {...describe(app, field)}
        type="text"
        inputMode={whole ? 'numeric' : 'decimal'}
        autocomplete="off"
        placeholder={usual === undefined ? '' : app.messages.wish.standard(String(usual))}
        value={app.form.values[field].value}
        onInput={(event) => (app.form.values[field].value = event.currentTarget.value)}
      />
    </Field>
  );
}

interface SliderProps extends FieldProps {
  readonly usual: number;
  readonly step: number;
}

export function SliderField({ app, field, usual, step }: SliderProps) {
  const entered = app.form.values[field];
  const range = REQUEST_FIELDS[field].rule.range ?? { min: 0, max: 1 };
  const value = entered.value === '' ? usual : Number(entered.value);
  return (
    <Field app={app} field={field}>
      <div class="row">
        <input
          {...describe(app, field)}
          type="range"
          min={range.min}
          max={range.max}
          step={step}
          value={value}
          onInput={(event) => (entered.value = event.currentTarget.value)}
        />
        <output for={`field-${field}`}>{value}</output>
      </div>
    </Field>
  );
}

interface ChoiceProps extends FieldProps {
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly usual: string;
}

export function ChoiceField({ app, field, options, usual }: ChoiceProps) {
  const entered: Signal<string> = app.form.values[field];
  return (
    <Field app={app} field={field}>
      <select
        {...describe(app, field)}
        value={entered.value === '' ? usual : entered.value}
        onChange={(event) => (entered.value = event.currentTarget.value)}
      >
        {options.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CheckField({ app, field }: FieldProps) {
  const entered = app.form.values[field];
  const { label, help } = app.messages.fields[field];
  return (
    <div class="field">
      <label class="row check">
        <input
          {...describe(app, field)}
          type="checkbox"
          checked={entered.value === 'true'}
          onChange={(event) => (entered.value = event.currentTarget.checked ? 'true' : '')}
        />
        {label}
      </label>
      <p class="hint" id={`help-${field}`}>
        {help}
      </p>
    </div>
  );
}
