import { DEFAULT_APP_ALIASES } from '../domain/normalise-request.ts';

/** What the page's address may ask for. */
export interface PageOptions {
  /** Bundle id. */
  readonly bundle: string;
  readonly backend: 'auto' | 'webgpu' | 'wasm';
}

const DEFAULT_BUNDLE = 'starter';

/** `?app_id=` picks the model, `?backend=webgpu|wasm` forces one; anything else is ignored. */
export function readPageOptions(search: string): PageOptions {
  const parameters = new URLSearchParams(search);
  const id = parameters.get('app_id') ?? DEFAULT_BUNDLE;
  const backend = parameters.get('backend');
  const isAlias = (DEFAULT_APP_ALIASES as readonly string[]).includes(id);
  return {
    bundle: !isAlias && /^[a-z0-9][a-z0-9-]*$/.test(id) ? id : DEFAULT_BUNDLE,
    backend: backend === 'webgpu' || backend === 'wasm' ? backend : 'auto',
  };
}
