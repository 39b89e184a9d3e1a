import { describe, expect, it } from 'vitest';
import { createCrashGuard } from '../../../src/app/crash-guard.ts';

function memoryStorage() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

describe('crash guard', () => {
  it('tells a clean end, a death while loading and one while running apart', () => {
    const storage = memoryStorage();
    const guard = createCrashGuard(storage);
    expect(guard.begin()).toBe('clean');
    expect(createCrashGuard(storage).begin()).toBe('while-loading');
    guard.loaded();
    expect(createCrashGuard(storage).begin()).toBe('while-running');
    guard.end();
    expect(createCrashGuard(storage).begin()).toBe('clean');
  });

  it('does without storage, and with one that is full', () => {
    expect(createCrashGuard(null).begin()).toBe('clean');
    const full = {
      ...memoryStorage(),
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
    };
    expect(createCrashGuard(full).begin()).toBe('clean');
  });
});
