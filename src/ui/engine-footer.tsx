import type { App } from '../app/create-app.ts';
import { OfflineStatusList } from './offline-status-list.tsx';

/** What computes and why, and what leaves the device: nothing. */
export function EngineFooter({ app }: { app: App }) {
  const { messages, status } = app;
  const backend = status.backend.value;
  const notKept = status.notKept.value;
  return (
    <footer>
      {notKept !== null && (
        <p class="notice" data-code={notKept}>
          {messages.errors(notKept, {}).title} {messages.errors(notKept, {}).advice}{' '}
          <a href="#models">{messages.models.manage}</a>
        </p>
      )}
      <p id="backend">
        {backend !== null && (
          <>
            <strong>{messages.engine.computes(backend.kind)}</strong>
            {backend.kind === 'wasm' && `, ${messages.engine.threads(backend.threads)}`}. {backend.reason}
          </>
        )}
      </p>
      <OfflineStatusList app={app} />
      <p>
        {messages.privacyMore} {messages.face.consent}
      </p>
    </footer>
  );
}
