import { AppError } from '../domain/errors.ts';

/** Throws AppError `cancelled` once the signal has been given; engines answer that as a result, not as a failure. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('cancelled', 'The task was cancelled.');
}

/**
 * Lets waiting messages in, then checks for cancelling. A backend that computes on this thread resolves its promises
 * without returning to the event loop, so a message saying "cancel" would otherwise wait for the end of the task.
 */
export async function pauseForMessages(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    // setTimeout would be slowed to 4 ms per call when nested.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
  throwIfCancelled(signal);
}
