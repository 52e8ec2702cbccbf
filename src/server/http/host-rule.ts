import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { describe } from '../../protocol/identifiers.js';

/** Whether a bind address or host name means this machine alone. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIPv4(name) && name.startsWith('127.'))
  );
}

/** Whether a request has more than one Host header: nobody can say which is meant (RFC 9112 section 3.2). */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** The host that a request is for. That of an absolute target goes before the Host header (RFC 9112 section 3.2.2). */
export function hostOf({ url = '', headers }: IncomingMessage): string | undefined {
  if (url.startsWith('/') || url === '*') return headers.host;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/**
 * Whether a Host header, or the host of a target, names this machine. A page that rebinds its own domain name to 127.0.0.1 still sends that
 * domain name, so this keeps it out.
 */
export function hasLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && isLoopback(host.replace(/:\d*$/, ''));
}

/** What a request is told whose host names another machine. */
export function hostRefusal(host: string | undefined): string {
  return `Expected the Host to be a loopback name, got ${host === undefined ? 'none' : describe(host)}`;
}
