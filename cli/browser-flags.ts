import process from 'node:process';

/** No background traffic, no first-run pages: a browser that a program drives. */
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** WebGPU on the software adapter (SwiftShader), for machines without a GPU. Slow, and right. */
const SOFTWARE_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/**
 * Command-line flags for a driven Chromium. The sandbox is given up only where it cannot start: as root, and on
 * continuous-integration machines, which commonly forbid user namespaces.
 */
export function browserFlags(options: { readonly softwareWebgpu?: boolean } = {}): string[] {
  const noSandbox = process.getuid?.() === 0 || Boolean(process.env['CI']);
  return [
    ...QUIET,
    ...(noSandbox ? ['--no-sandbox'] : []),
    ...(options.softwareWebgpu === true ? SOFTWARE_WEBGPU : []),
  ];
}
