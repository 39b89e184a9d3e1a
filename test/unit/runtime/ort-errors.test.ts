import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { fromOrtError } from '../../../src/runtime/ort-errors.ts';

describe('fromOrtError', () => {
  it.each([
    ['another WebGPU EP inference session is being created.', 'engine-poisoned'],
    ["Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc", 'out-of-memory'],
    ["Can't create a session. failed to allocate a buffer of size 123.", 'out-of-memory'],
    ['Aborted(OOM). Build with -sASSERTIONS for more info.', 'out-of-memory'],
    ["Failed to execute 'mapAsync' on 'GPUBuffer': [Device] is lost.", 'device-lost'],
    ['memory access out of bounds', 'engine-poisoned'],
    ['Failed to load external data file "a.bin"', 'weights-invalid'],
    ['no available backend found. ERR: [wasm] TypeError: Failed to fetch', 'backend-unavailable'],
    ['no available backend found. ERR: [wasm] RuntimeError: Aborted(NetworkError: x).', 'backend-unavailable'],
    ['failed to call OrtRun(). ERROR_CODE: 2, ERROR_MESSAGE: Got invalid dimensions for input: x', 'graph-invalid'],
  ])('%s → %s', (message, code) => {
    expect(fromOrtError(new Error(message), 'denoiser: run')).toMatchObject({ code });
  });

  it('takes a bare pointer and a wasm trap for a poisoned engine', () => {
    expect(fromOrtError(1234567, 'denoiser: run').code).toBe('engine-poisoned');
    expect(fromOrtError(new WebAssembly.RuntimeError('divide by zero'), 'denoiser: run').code).toBe('engine-poisoned');
  });

  it('leaves errors of the house as they are and names the action in others', () => {
    const own = new AppError('cancelled', 'x');
    expect(fromOrtError(own, 'denoiser: run')).toBe(own);
    expect(fromOrtError(new Error('y'), 'denoiser: run').message).toMatch(/^denoiser: run failed\. .*\(y\)$/);
  });
});
