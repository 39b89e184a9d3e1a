import type { App } from '../app/create-app.ts';
import { Alert } from './alert.tsx';

/** What computes and why, what leaves the device (nothing), and trouble with the model. */
export function EngineFooter({ app }: { app: App }) {
  const { messages, status } = app;
  const backend = status.backend.value;
  const error = status.error.value;
  const notKept = status.notKept.value;
  return (
    <footer>
      {error !== null && (
        <Alert error={error} messages={messages}>
          <button type="button" onClick={() => void status.start()}>
            {messages.retry}
          </button>
        </Alert>
      )}
      {notKept !== null && (
        <p class="notice" data-code={notKept}>
          {messages.errors(notKept, {}).title} {messages.errors(notKept, {}).advice}
        </p>
      )}
      <p id="backend">
        {backend === null ? (
          error === null && messages.engine.starting
        ) : (
          <>
            <strong>{messages.engine.computes(backend.kind)}</strong>
            {backend.kind === 'wasm' && `, ${messages.engine.threads(backend.threads)}`}. {backend.reason}
          </>
        )}
      </p>
      <p>
        {messages.privacyMore} {messages.face.consent}
      </p>
    </footer>
  );
}
