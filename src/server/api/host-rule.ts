import { isIPv4 } from 'node:net';

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

/**
 * Whether a Host header names this machine. A page that rebinds its own domain name to 127.0.0.1 still sends that
 * domain name, so this keeps it out.
 */
export function hasLoopbackHost(hostHeader: string | undefined): boolean {
  return hostHeader !== undefined && isLoopback(hostHeader.replace(/:\d*$/, ''));
}
