/** Who may ask, and how often. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { AppError } from '../../src/domain/errors.ts';

export interface AdmissionOptions {
  /** Null: everybody who reaches the server may ask. */
  readonly token: string | null;
  /** Requests per minute and address. */
  readonly requestsPerMinute: number;
}

const WRONG_TOKENS_PER_MINUTE = 10;
const MINUTE_S = 60;

export interface Admission {
  /** Throws AppError `rate-limited` and, where a token is needed, `unauthorized`. */
  admit(address: string, authorization: string | null, needsToken: boolean): Promise<void>;
}

export function createAdmission({ token, requestsPerMinute }: AdmissionOptions): Admission {
  const requests = new RateLimiterMemory({ points: requestsPerMinute, duration: MINUTE_S });
  const wrongTokens = new RateLimiterMemory({ points: WRONG_TOKENS_PER_MINUTE, duration: MINUTE_S });
  const expected = token === null ? null : digest(token);

  return {
    async admit(address, authorization, needsToken) {
      await consume(requests, address);
      if (expected === null || !needsToken) return;
      const earlier = await wrongTokens.get(address);
      if (earlier !== null && earlier.remainingPoints <= 0) throw tooMany(earlier.msBeforeNext);
      const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
      if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
      if (given !== undefined) await consume(wrongTokens, address);
      const what = given === undefined ? 'is missing' : 'is wrong';
      throw new AppError('unauthorized', `The token ${what}; send "Authorization: Bearer" and the server's token.`);
    },
  };
}

/** Digests have one length, which timingSafeEqual needs, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function consume(limiter: RateLimiterMemory, address: string): Promise<void> {
  try {
    await limiter.consume(address);
  } catch (refused) {
    if (refused instanceof Error) throw refused;
    throw tooMany((refused as { msBeforeNext: number }).msBeforeNext);
  }
}

function tooMany(msBeforeNext: number): AppError {
  return new AppError('rate-limited', 'Too many requests; wait a little.', {
    details: { retryAfterSeconds: msBeforeNext / 1000 },
  });
}

/**
 * Whether a `Host` header names this server. A page that rebinds its own name to a loopback address comes with that name;
 * an address or `localhost` cannot be rebound.
 */
export function isOwnHost(host: string | undefined, ownNames: readonly string[]): boolean {
  if (host === undefined || !URL.canParse(`http://${host}/`)) return false;
  const { hostname, host: parsed, pathname, username } = new URL(`http://${host}/`);
  if (pathname !== '/' || username !== '' || parsed === '') return false;
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name === 'localhost' || ownNames.includes(name);
}
