import { AppError } from '../domain/errors.ts';

/**
 * Limits copied from the adapter: onnxruntime sizes its buffers and workgroups by the device's, and a device asked
 * for without limits has only the baseline (128 MiB bindings).
 */
const COPIED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Features that onnxruntime's kernels use. */
const SUBGROUP_FEATURES = ['subgroups', 'subgroup-size-control'];

/** Our own device: it outlives sessions, which onnxruntime's default device does not. */
export interface ComputeDevice {
  readonly device: GPUDevice;
  /** Resolves with the error to show once the device is lost; never for a device that we destroy by `close`. */
  readonly lost: Promise<AppError>;
  /** The first error since the last call that the device reported outside any call; null if none. */
  readonly takeError: () => AppError | null;
  /** Destroys the device. */
  readonly close: () => void;
}

/**
 * Opens a device with the adapter's limits and, where it has them, half precision and (unless refused) subgroups.
 * An adapter gives one device only. Throws AppError `backend-unavailable`.
 */
export async function openDevice(
  adapter: GPUAdapter,
  options: { readonly subgroups: boolean },
): Promise<ComputeDevice> {
  const wanted = ['shader-f16', ...(options.subgroups ? SUBGROUP_FEATURES : [])];
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      // The list holds feature names of newer drafts that the type does not know yet; has() filters them.
      requiredFeatures: wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[],
      requiredLimits: Object.fromEntries(COPIED_LIMITS.map((name) => [name, adapter.limits[name]])),
    });
  } catch (cause) {
    throw new AppError('backend-unavailable', 'The graphics adapter refused to open a device.', { cause });
  }
  return watch(device);
}

function watch(device: GPUDevice): ComputeDevice {
  let pending: AppError | null = null;
  let closed = false;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault(); // told through takeError instead of the console
    pending ??= fromGpuError(event.error);
  });
  const lost = new Promise<AppError>((resolve) => {
    void device.lost.then((info) => {
      if (closed) return;
      resolve(
        new AppError('device-lost', `The GPU device was lost (${info.reason}): ${info.message}`, {
          retryable: true,
          details: { reason: info.reason },
        }),
      );
    });
  });
  return {
    device,
    lost,
    takeError: () => {
      const error = pending;
      pending = null;
      return error;
    },
    close: () => {
      closed = true;
      device.destroy();
    },
  };
}

function fromGpuError(error: GPUError): AppError {
  if (error instanceof GPUOutOfMemoryError) {
    return new AppError('out-of-memory', `The GPU is out of memory. (${error.message})`, { cause: error });
  }
  return new AppError('graph-invalid', `The GPU refused a command. (${error.message})`, { cause: error });
}
