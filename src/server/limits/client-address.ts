import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PROXY_RANGES } from '../../options/checks.js';
import { ownCopy } from '../../text/own-copy.js';

/** Finds out where a request comes from. */
export type AddressOf = (request: IncomingMessage) => string | undefined;

/**
 * The rule for the address of a client. Anybody can send an X-Forwarded-For, so it counts only as far as trusted proxies
 * have written it: from the connection backwards, the first address that is not a trusted proxy.
 *
 * @param trustedProxies addresses, subnets and names of ranges; without any, the address is that of the connection.
 */
export function clientAddressRule(trustedProxies: readonly string[]): AddressOf {
  if (trustedProxies.length === 0) return ({ socket }) => unmapped(socket.remoteAddress);
  const isTrusted = trustedProxyRule(trustedProxies);
  return ({ socket, headers }) => {
    let address = unmapped(socket.remoteAddress);
    const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (address !== undefined && isTrusted(address) && hops.length > 0) {
      const hop = withoutPort((hops.pop() as string).trim());
      // Not written by a proxy that can be trusted any further. `ipaddr.js` alone would take 127.1 as well.
      if (isIP(hop) === 0) break;
      address = ownCopy(ipaddr.process(hop).toString());
    }
    return address;
  };
}

/** The rule for whether an address is that of a trusted proxy; see {@link clientAddressRule}. */
export function trustedProxyRule(
  trustedProxies: readonly string[],
): (address: string | undefined) => boolean {
  const networks = trustedProxies.flatMap((name) => PROXY_RANGES[name] ?? [name]).map(networkOf);
  return (address) => {
    if (networks.length === 0 || address === undefined) return false;
    const parsed = ipaddr.process(address);
    return networks.some(
      ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits),
    );
  };
}

function networkOf(proxy: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (proxy.includes('/')) return ipaddr.parseCIDR(proxy);
  const address = ipaddr.parse(proxy);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** `[::1]:80` and `10.0.0.1:80` without port and brackets. */
function withoutPort(address: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1');
}

/** An IPv4 client of a socket that listens for both families, `::ffff:10.0.0.1`, as `10.0.0.1`. */
export function unmapped<Address extends string | undefined>(address: Address): Address | string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/, '') ?? address;
}

/** Counts connections by client address. */
export class AddressLimit {
  readonly #counts = new Map<string, number>();

  /** @param limit connections of one address; one more is refused. */
  constructor(private readonly limit: number) {}

  /** Whether one more connection fits. It counts from here on, until {@link leave}. */
  enter(address: string): boolean {
    const group = groupOf(address);
    const count = this.#counts.get(group) ?? 0;
    if (count >= this.limit) return false;
    this.#counts.set(group, count + 1);
    return true;
  }

  leave(address: string): void {
    const group = groupOf(address);
    const count = (this.#counts.get(group) ?? 0) - 1;
    if (count > 0) this.#counts.set(group, count);
    else this.#counts.delete(group);
  }

  /** How many addresses have a connection. */
  get size(): number {
    return this.#counts.size;
  }
}

/** A host with one IPv6 address has a whole /64 of them (RFC 6177), which counts as one. */
function groupOf(address: string): string {
  if (!isIPv6(address)) return address;
  const { parts } = ipaddr.IPv6.parse(address);
  return `${parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
