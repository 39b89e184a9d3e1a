import { isAppError } from '../domain/errors.ts';
import type { BackendInfo, Role, RunOptions } from '../domain/ports.ts';
import { isHostTensor, type HostTensor, type Tensor } from '../domain/tensor.ts';
import type { ClosableRunner } from './session-runner.ts';

/**
 * Remembers per device, bundle and role whether half precision was found sound, so that it is checked only once. May
 * reject where there is no storage.
 */
export interface F16Verdicts {
  get(key: string): Promise<boolean | undefined>;
  set(key: string, sound: boolean): Promise<void>;
}

/**
 * How far half precision may be from single: root mean square of the difference over that of the single-precision
 * output. Rounding alone gives some 1e-3; overflow and wrong kernels give NaN or values of order 1.
 */
export const F16_TOLERANCE = 0.05;

export interface F16GuardSetup {
  readonly f16: ClosableRunner;
  readonly f32: ClosableRunner;
  /** What names this device and bundle in the verdicts. */
  readonly deviceKey: string;
  readonly verdicts: F16Verdicts;
}

/**
 * A runner that computes in half precision where that has proved sound. The first run of each role on a device is
 * done in both precisions; when they differ, everything is computed in single precision from then on, and `backend`
 * says so. The checked run returns what later runs would: its half-precision result where that is sound (a seed gives
 * the same bytes on the first visit as on the next), else the single-precision one; in ordinary memory.
 */
export class F16GuardedRunner implements ClosableRunner {
  readonly #setup: F16GuardSetup;
  readonly #sound = new Set<Role>();
  #distrusted: Role | null = null;

  constructor(setup: F16GuardSetup) {
    this.#setup = setup;
  }

  get backend(): BackendInfo {
    if (this.#distrusted === null) return this.#setup.f16.backend;
    return {
      ...this.#setup.f32.backend,
      reason: `Half precision gave wrong values on this graphics adapter (${this.#distrusted}), so it computes in single precision.`,
    };
  }

  async run(
    role: Role,
    feeds: Readonly<Record<string, Tensor>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>> {
    if (this.#distrusted !== null) return this.#setup.f32.run(role, feeds, options);
    if (this.#sound.has(role)) return this.#setup.f16.run(role, feeds, options);
    const verdict = await this.#remembered(role);
    if (verdict === true) {
      this.#sound.add(role);
      return this.#setup.f16.run(role, feeds, options);
    }
    if (verdict === false) {
      await this.#distrust(role);
      return this.#setup.f32.run(role, feeds, options);
    }
    return this.#check(role, feeds, options);
  }

  read(tensor: Tensor): Promise<HostTensor> {
    return this.#setup.f32.read(tensor);
  }

  dispose(tensor: Tensor): void {
    this.#setup.f32.dispose(tensor);
  }

  async release(role: Role): Promise<void> {
    await this.#setup.f16.release(role);
    await this.#setup.f32.release(role);
  }

  async close(): Promise<void> {
    await this.#setup.f16.close();
    await this.#setup.f32.close();
  }

  residentBytes(): number {
    return this.#setup.f16.residentBytes() + this.#setup.f32.residentBytes();
  }

  async #check(
    role: Role,
    feeds: Readonly<Record<string, Tensor>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>> {
    const signal = options?.signal === undefined ? {} : { signal: options.signal };
    const half = await this.#tryHalf(role, feeds, signal);
    // One precision's weights at a time: the memory limit holds during the check too.
    await this.#setup.f16.release(role);
    const single = await this.#setup.f32.run(role, feeds, signal);
    const sound = half !== null && agree(half, single);
    await this.#remember(role, sound);
    if (!sound) {
      await this.#distrust(role);
      return single;
    }
    await this.#setup.f32.release(role);
    this.#sound.add(role);
    return half;
  }

  /** The half-precision outputs; null when the adapter cannot run this graph in half precision. */
  async #tryHalf(
    role: Role,
    feeds: Readonly<Record<string, Tensor>>,
    options: RunOptions,
  ): Promise<Record<string, Tensor> | null> {
    try {
      return await this.#setup.f16.run(role, feeds, options);
    } catch (error) {
      if (isAppError(error, 'graph-invalid')) return null;
      throw error;
    }
  }

  async #distrust(role: Role): Promise<void> {
    this.#distrusted = role;
    await this.#setup.f16.close();
  }

  /** Without storage the check is repeated on the next visit; that is no reason to fail. */
  async #remembered(role: Role): Promise<boolean | undefined> {
    try {
      return await this.#setup.verdicts.get(this.#key(role));
    } catch {
      return undefined;
    }
  }

  async #remember(role: Role, sound: boolean): Promise<void> {
    await this.#setup.verdicts.set(this.#key(role), sound).catch(() => undefined);
  }

  #key(role: Role): string {
    return `${this.#setup.deviceKey} ${role}`;
  }
}

function agree(half: Readonly<Record<string, Tensor>>, single: Readonly<Record<string, Tensor>>): boolean {
  return Object.entries(single).every(([name, expected]) => {
    const actual = half[name];
    if (actual === undefined || !isHostTensor(actual) || !isHostTensor(expected)) return false;
    if (actual.dtype !== 'float32' || expected.dtype !== 'float32') return true; // ids and masks have no precision
    return relativeDifference(actual.data, expected.data) <= F16_TOLERANCE;
  });
}

/** RMS(actual − expected) / RMS(expected); Infinity unless every value is finite. */
export function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  if (!Number.isFinite(difference) || !Number.isFinite(size)) return Infinity;
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}
