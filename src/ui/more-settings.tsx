import type { App } from '../app/create-app.ts';
import { INFERENCE_TYPES } from '../domain/compute-budget.ts';
import type { ModelLimits } from '../domain/request-fields.ts';
import { OUTPUT_FORMATS, SCHEDULER_KINDS } from '../domain/request.ts';
import { denoiseFromStrength } from '../domain/strength.ts';
import { CheckField, ChoiceField, NumberField, SliderField, describe } from './field.tsx';

/** Every other parameter of the request. */
export function MoreSettings({ app, model }: { app: App; model: ModelLimits }) {
  const { messages, form } = app;
  const strength = form.values.strength.value === '' ? model.strength : Number(form.values.strength.value);
  return (
    <details class="more">
      <summary>{messages.wish.more}</summary>
      <SliderField app={app} field="strength" usual={model.strength} step={0.05} />
      <SliderField app={app} field="faceStrength" usual={model.faceStrength} step={0.05} />
      <div class="pair">
        <NumberField app={app} field="steps" usual={model.steps.default} />
        <NumberField app={app} field="guidanceScale" usual={model.guidance.default} />
        <NumberField app={app} field="denoise" usual={round(denoiseFromStrength(strength))} />
        <ChoiceField
          app={app}
          field="scheduler"
          usual={model.scheduler}
          options={SCHEDULER_KINDS.map((value) => ({ value, label: messages.schedulers[value] }))}
        />
        <NumberField app={app} field="minLikeness" />
        <NumberField app={app} field="maxAttempts" usual={3} />
      </div>
      <CheckField app={app} field="keepBackground" />
      <MoreReferences app={app} />
      <ChoiceField
        app={app}
        field="inferenceType"
        usual="a100"
        options={INFERENCE_TYPES.map((value) => ({ value, label: messages.budgets[value] }))}
      />
      <ChoiceField
        app={app}
        field="outputFormat"
        usual="png"
        options={OUTPUT_FORMATS.map((value) => ({ value, label: value.toUpperCase() }))}
      />
    </details>
  );
}

function MoreReferences({ app }: { app: App }) {
  const { form, messages } = app;
  const { label, help } = messages.fields.referenceImages;
  const expected = form.problems.value.get('referenceImages');
  const { id, ...marks } = describe(app, 'referenceImages');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...marks}
        id={id}
        type="file"
        accept="image/*"
        multiple
        onChange={(event) => (form.moreReferences.value = [...(event.currentTarget.files ?? [])])}
      />
      <p class={expected === undefined ? 'hint' : 'problem'} id="help-referenceImages">
        {expected === undefined ? help : messages.fieldProblem(expected)}
      </p>
    </div>
  );
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
