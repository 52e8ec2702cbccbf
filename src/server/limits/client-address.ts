import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { PROXY_RANGES } from '../../options/checks.js';
import { ownCopy } from '../../text/own-copy.js';

/** Finds out where a request comes from. */
export type AddressOf = (request: IncomingMessage) => string | undefined;

/**
 * The rule of where a request comes from. Anybody can send an X-Forwarded-For, so it counts only as far as proxies
 * that are trusted have written it: from the connection backwards, the first address that is no trusted proxy.
 *
 * @param trustedProxies addresses, subnets and names of ranges; empty trusts nobody, and the address is that of the
 *   connection.
 */
export function clientAddressRule(trustedProxies: readonly string[]): AddressOf {
  if (trustedProxies.length === 0) return ({ socket }) => unmapped(socket.remoteAddress);
  const trusted = new BlockList();
  for (const proxy of trustedProxies.flatMap((name) => PROXY_RANGES[name] ?? [name])) {
    const [address = '', bits] = proxy.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) =>
    trusted.check(address.split('%', 1)[0] as string, isIPv4(address) ? 'ipv4' : 'ipv6');
  return ({ socket, headers }) => {
    let address = unmapped(socket.remoteAddress);
    const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (address !== undefined && isTrusted(address) && hops.length > 0) {
      const hop = bare((hops.pop() as string).trim());
      // What is no address was not written by a proxy that can be trusted any further.
      if (isIP(hop) === 0) break;
      address = ownCopy(hop);
    }
    return address;
  };
}

/** `[::1]:80`, `10.0.0.1:80` and `::ffff:a00:1` without port, brackets and mapping. */
function bare(address: string): string {
  const withoutPort = /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1');
  if (!isIPv6(withoutPort)) return withoutPort;
  // A mapped address has many spellings, and this is the one that `unmapped` knows.
  return unmapped(new SocketAddress({ address: withoutPort, family: 'ipv6' }).address);
}

/** An IPv4 client of a socket that listens for both families, `::ffff:10.0.0.1`, as `10.0.0.1`. */
export function unmapped<Address extends string | undefined>(address: Address): Address | string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/, '') ?? address;
}
