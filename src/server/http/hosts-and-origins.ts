import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { ORIGIN } from '../../options/checks.js';
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

/** Whether a request has more than one Host header, which is ambiguous (RFC 9112 section 3.2). */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** The host that a request is for. An absolute target wins over the Host header (RFC 9112 section 3.2.2). */
export function hostOf({ url = '', headers }: IncomingMessage): string | undefined {
  if (url.startsWith('/') || url === '*') return headers.host;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/**
 * Whether a Host header, or the host of a target, names this machine. A page that rebinds its own domain name to
 * 127.0.0.1 still sends that domain name, so this keeps it out.
 */
export function hasLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && isLoopback(host.replace(/:\d*$/, ''));
}

/** The error for a request whose host names another machine. */
export function hostRefusal(host: string | undefined): string {
  return `Expected the Host to be a loopback name, got ${host === undefined ? 'none' : describe(host)}`;
}

/** Whether a page of this origin is admitted. */
export type OriginRule = (origin: string | undefined) => boolean;

/**
 * The rule for pages of other origins. A request without an Origin is not from a browser, or not from another site, and
 * passes: the rule protects people from pages, not the server from programs.
 *
 * @param allowed origins, `null` for pages that have none, `*` for any; empty admits pages of this machine, whatever
 *   their port.
 */
export function originRule(allowed: readonly string[]): OriginRule {
  if (allowed.includes('*')) return () => true;
  if (allowed.length === 0) return (origin) => origin === undefined || isLoopbackOrigin(origin);
  const known = new Set(allowed.map(normalized));
  return (origin) => origin === undefined || known.has(normalized(origin));
}

/** The error for a page that is not admitted, without a user and a password. */
export function originRefusal(origin = ''): { readonly detail: string; readonly fix?: string } {
  const got = describe(origin.replace(/\/\/.*@/, '//***@'));
  if (origin === 'null' || ORIGIN.test(origin)) {
    return {
      detail: `Expected the Origin to be one of those allowed, got ${got}`,
      fix: 'If its pages may connect, start the server with this origin as --allow-origin.',
    };
  }
  const likely = `http://${origin}`;
  const example = ORIGIN.test(likely) && URL.canParse(likely) ? likely : 'https://app.example.com';
  return {
    detail: `Expected the Origin to be a scheme and a host, such as ${example}, got ${got}`,
    fix: 'Send such an Origin, or none: only browsers must send one.',
  };
}

function isLoopbackOrigin(origin: string): boolean {
  // A URL may have more than an origin, such as a user or a path; what a browser sends has not.
  if (!ORIGIN.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  return (protocol === 'http:' || protocol === 'https:') && isLoopback(hostname);
}

/** `HTTPS://App.Example.com:443` as `https://app.example.com`. */
function normalized(origin: string): string {
  const isWeb = /^https?:\/\//i.test(origin) && URL.canParse(origin);
  // Only an origin is normalized; anything else matches nothing.
  return isWeb && ORIGIN.test(origin) ? new URL(origin).origin : origin.toLowerCase();
}
