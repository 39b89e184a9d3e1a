import type { Role } from '../domain/ports.ts';
import type { OrtSession } from './ort-namespace.ts';

export interface LiveSession {
  readonly key: string;
  readonly role: Role;
  readonly session: OrtSession;
  /** The graph's name for its only input, whatever the caller calls it; absent where names are ours. */
  readonly inputName?: string;
  /** Weight bytes it holds. */
  readonly weightBytes: number;
}

/** Live sessions in order of use, least recent first. Only the runner, inside the gate, touches it. */
export class SessionCache {
  readonly #sessions = new Map<string, LiveSession>();

  /** The session of that key, which becomes the most recently used. */
  use(key: string): LiveSession | undefined {
    const live = this.#sessions.get(key);
    if (live === undefined) return undefined;
    this.#sessions.delete(key);
    this.#sessions.set(key, live);
    return live;
  }

  add(live: LiveSession): void {
    this.#sessions.set(live.key, live);
  }

  remove(live: LiveSession): void {
    this.#sessions.delete(live.key);
  }

  ofRole(role: Role): LiveSession[] {
    return this.all().filter((live) => live.role === role);
  }

  all(): LiveSession[] {
    return [...this.#sessions.values()];
  }

  weightBytes(): number {
    return this.all().reduce((sum, live) => sum + live.weightBytes, 0);
  }

  /** Which sessions to give up, least recently used first, so that `incoming` more bytes stay within `limit`. */
  toMakeRoomFor(incoming: number, limit: number): LiveSession[] {
    const victims: LiveSession[] = [];
    let resident = this.weightBytes();
    for (const live of this.all()) {
      if (resident + incoming <= limit) break;
      victims.push(live);
      resident -= live.weightBytes;
    }
    return victims;
  }
}
