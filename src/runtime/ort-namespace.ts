import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-web/webgpu';

/**
 * The part of onnxruntime's JavaScript interface that a session runner needs. onnxruntime-web's builds and
 * onnxruntime-node share it, so the runner is handed one of them and never imports a backend itself.
 */
export interface OrtNamespace {
  readonly InferenceSession: Pick<InferenceSessionFactory, 'create'>;
  readonly Tensor: TensorConstructor;
}

export type OrtSession = InferenceSession;
export type OrtSessionOptions = InferenceSession.SessionOptions;
