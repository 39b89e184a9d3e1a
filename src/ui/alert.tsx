import type { ComponentChildren } from 'preact';
import type { AppError } from '../domain/errors.ts';
import type { Messages } from '../i18n/en.ts';

interface AlertProps {
  readonly error: AppError;
  readonly messages: Messages;
  readonly children?: ComponentChildren;
}

/** What went wrong, what to do, and buttons that do it. */
export function Alert({ error, messages, children }: AlertProps) {
  const { title, advice } = messages.errors(error.code, error.details);
  return (
    <div class="alert" role="alert" data-code={error.code}>
      <strong>{title}</strong> {advice}
      {error.code === 'internal' && <code>{error.message}</code>}
      {children}
    </div>
  );
}
