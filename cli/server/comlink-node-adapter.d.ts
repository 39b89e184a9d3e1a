/** comlink ships this file's types beside its .js name only. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink';
  import type { NodeEndpoint } from 'comlink/dist/esm/node-adapter';

  const nodeEndpoint: (endpoint: NodeEndpoint) => Endpoint;
  // eslint-disable-next-line no-restricted-exports -- as comlink has it
  export default nodeEndpoint;
}
