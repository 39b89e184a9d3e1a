import { useSignal } from '@preact/signals';
import type { TargetedEvent } from 'preact';
import { useRef } from 'preact/hooks';
import type { App } from '../app/create-app.ts';
import { Alert } from './alert.tsx';
import { FacePicture } from './face-picture.tsx';
import { FacePlacer } from './face-placer.tsx';

/** Where the face comes from: a sample, a file, the clipboard, an address; and which face it is. */
export function FacePanel({ app }: { app: App }) {
  const { messages, reference, form } = app;
  const picture = reference.picture.value;
  const error = reference.error.value;
  const problem = form.problems.value.get('image');
  return (
    <section class="panel" aria-labelledby="face-heading">
      <h2 id="face-heading">{messages.face.heading}</h2>
      <Samples app={app} />
      {error !== null && (
        <Alert error={error} messages={messages}>
          <button type="button" onClick={() => reference.dismissError()}>
            {messages.dismiss}
          </button>
        </Alert>
      )}
      {picture === null ? <Well app={app} /> : <Chosen app={app} />}
      {problem !== undefined && (
        <p class="problem" role="alert" id="no-face" tabIndex={-1}>
          {messages.wish.noFace}
        </p>
      )}
      <p class="visually-hidden" aria-live="polite">
        {reference.opening.value ? messages.face.opening : ''}
      </p>
    </section>
  );
}

function Samples({ app }: { app: App }) {
  const { messages, reference, samples } = app;
  if (samples.list.value.length === 0) return null;
  const chosen = reference.picture.value?.sample;
  return (
    <>
      <p class="hint" id="samples-label">
        {messages.face.samples}
      </p>
      <div class="samples" role="group" aria-labelledby="samples-label">
        {samples.list.value.map(({ id, title, url }) => (
          <button
            key={id}
            type="button"
            title={title}
            aria-pressed={chosen === id}
            onClick={() => void reference.openSample(id, url)}
          >
            <img src={url} alt={title} width="64" height="64" />
          </button>
        ))}
      </div>
    </>
  );
}

function Well({ app }: { app: App }) {
  const { messages, reference } = app;
  return (
    <div class="well" aria-busy={reference.opening.value}>
      <ChooseFile app={app} label={messages.face.choose} />
      <p class="hint">{reference.opening.value ? messages.face.opening : messages.face.drop}</p>
      <Address app={app} />
    </div>
  );
}

function ChooseFile({ app, label }: { app: App; label: string }) {
  const input = useRef<HTMLInputElement>(null);
  const onChange = ({ currentTarget }: TargetedEvent<HTMLInputElement>): void => {
    const file = currentTarget.files?.[0];
    if (file !== undefined) void app.reference.open({ kind: 'blob', blob: file });
    currentTarget.value = ''; // the same file may be chosen again
  };
  return (
    <>
      <button type="button" class="secondary" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input ref={input} type="file" accept="image/*" hidden aria-label={label} onChange={onChange} />
    </>
  );
}

function Address({ app }: { app: App }) {
  const { messages, reference } = app;
  const address = useSignal('');
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void reference.open({ kind: 'url', url: address.value.trim() });
  };
  return (
    <details>
      <summary>{messages.face.addressToggle}</summary>
      <form class="row" onSubmit={onSubmit}>
        <input
          type="url"
          aria-label={messages.face.address}
          placeholder="https://…"
          value={address}
          onInput={(event) => (address.value = event.currentTarget.value)}
          formNoValidate
        />
        <button type="submit" class="secondary" formNoValidate disabled={address.value.trim() === ''}>
          {messages.face.load}
        </button>
      </form>
    </details>
  );
}

function Chosen({ app }: { app: App }) {
  const { messages, reference, actions } = app;
  const picture = reference.picture.value;
  const draft = reference.draft.value;
  if (picture === null) return null;
  if (draft !== null) return <FacePlacer picture={picture} reference={reference} messages={messages} />;
  const placed = reference.placed.value;
  const { faces } = picture;
  return (
    <div class={faces.length > 1 ? 'chosen' : 'chosen beside'} aria-busy={reference.opening.value}>
      <FaceFinding app={app} count={faces.length} placed={placed !== null} />
      <FacePicture app={app} picture={picture} />
      <div class="row wrap">
        <button id="place-face" type="button" class="quiet" onClick={() => actions['place-face'].run()}>
          {placed === null ? messages.face.place : messages.face.placeAgain}
        </button>
        {placed !== null && faces.length > 0 && (
          <button type="button" class="quiet" onClick={() => reference.useFound()}>
            {messages.face.useFound}
          </button>
        )}
        <ChooseFile app={app} label={messages.face.change} />
        <button type="button" class="quiet" onClick={() => actions['remove-face'].run()}>
          {messages.face.remove}
        </button>
      </div>
    </div>
  );
}

function FaceFinding({ app, count, placed }: { app: App; count: number; placed: boolean }) {
  const { messages } = app;
  if (placed) return <p aria-live="polite">{messages.face.placed}</p>;
  if (count === 0) {
    const { title, advice } = messages.errors('no-face', {});
    return (
      <div class="alert" role="alert" data-code="no-face">
        <strong>{title}</strong> {advice}
      </div>
    );
  }
  return <p aria-live="polite">{count === 1 ? messages.face.foundOne : messages.face.foundMany(count)}</p>;
}
