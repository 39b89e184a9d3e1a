/** Which addresses the server may fetch pictures from: those of the public internet, never its own network. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Global unicast (RFC 4291, 2.4); what else the IANA registries of special addresses name inside it, ipaddr.js knows. */
const IPV6_GLOBAL = ipaddr.parseCIDR('2000::/3');

/** `address`: an IPv4 or IPv6 address as text. Mapped IPv4 is judged as the IPv4 address that it stands for. */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js also reads forms that are no addresses any more, e.g. 1.2.3.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || parsed.match(IPV6_GLOBAL);
}

/** Whether nobody but this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback';
}
