import { isIP } from 'node:net';
import { describe, hasControlCharacter, type Mismatch, namespaceProblem } from '../protocol/identifiers.js';
import { didYouMean } from '../text/nearest.js';

/** Returns why `value` is not what a claim is compared with, else `undefined`. */
export function claimProblem(value: string): string | undefined {
  return value === '' || hasControlCharacter(value)
    ? 'a non-empty string without control characters'
    : undefined;
}

/** Returns why `value` is not a JSON object, else `undefined`. */
export function jsonObjectProblem(value: string): Mismatch | undefined {
  const expected = 'a JSON object such as {"sub":"alice"}';
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return undefined;
    // Claims may be personal, so a string is not shown.
    return { expected, got: typeof parsed === 'string' ? 'a string' : describe(parsed) };
  } catch {
    return { expected, got: 'invalid JSON' };
  }
}

/** Placeholders of `--token-template`. */
export const TOKEN_PLACEHOLDERS = ['namespace', 'cohort', 'i', 'run'] as const;
/** Placeholders of an emit through the user's own API. */
export const EMIT_PLACEHOLDERS = ['namespace', 'cursor', 'run'] as const;
/** The value of `--namespace-prefix` that means no prefix. */
export const NO_PREFIX = 'none';

/** Returns a placeholder of a text that would never be filled in, else `undefined`. */
export function placeholderProblem(value: string, names: readonly string[]): string | undefined {
  for (const [whole, name = ''] of value.matchAll(/\{(\w+)\}/g)) {
    if (names.includes(name)) continue;
    const known = names.map((one) => `{${one}}`);
    return `text with no placeholder but ${known.join(', ')}; ${whole} is unknown.${didYouMean(whole, known)}`.replace(
      /\.$/,
      '',
    );
  }
  return undefined;
}

/** Returns why `value` cannot stand before namespaces, else `undefined`. */
export function namespacePrefixProblem(value: string): string | undefined {
  const expected = `a namespace prefix such as bench-{run}:, or ${NO_PREFIX}`;
  return placeholderProblem(value, ['run']) ?? (namespaceProblem(value) === undefined ? undefined : expected);
}

/** Returns why `value` is not a bearer token that any HTTP header can carry, else `undefined`. */
export function tokenProblem(value: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'a non-empty token of ASCII characters without spaces';
}

/** An origin as a browser writes it (RFC 6454 section 6.2): scheme, host and perhaps a port, nothing else. */
export const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:\[[\da-f:.]+\]|[^\s/?#@\\:,*%[\]]+)(?::\d+)?$/i;

/** Returns why `value` cannot be the Origin header of a client, else `undefined`. */
export function sentOriginProblem(value: string): string | undefined {
  return value === 'null' || ORIGIN.test(value) ? undefined : 'an origin such as https://app.example.com';
}

/** Returns why `value` cannot be offered as a subprotocol (a token of RFC 9110), else `undefined`. */
export function subprotocolProblem(value: string): string | undefined {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? undefined : 'a subprotocol name such as datafn-sync-v1';
}

/** Returns why `value` is not an entry of an allow-list of origins, else `undefined`. */
export function originProblem(value: string): string | undefined {
  if (value === '*' || value === 'null' || ORIGIN.test(value)) return undefined;
  return value.includes('*')
    ? 'an origin without a wildcard inside (list each origin), such as https://app.example.com, or * for any'
    : 'an origin such as https://app.example.com, the word null, or * for any origin';
}

/** Names for ranges of proxy addresses. */
export const PROXY_RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Returns why `value` does not name a proxy, else `undefined`. */
export function proxyProblem(value: string): string | undefined {
  if (Object.hasOwn(PROXY_RANGES, value)) return undefined;
  const [address = '', bits, ...rest] = value.split('/');
  const version = address.includes('%') ? 0 : isIP(address);
  const isSubnet =
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
  return version !== 0 && isSubnet && rest.length === 0
    ? undefined
    : 'an address such as 10.0.0.1, a subnet such as 10.0.0.0/8, loopback or private';
}

/** `HOST:PORT`; an IPv6 address is in brackets. */
const HOST_AND_PORT = /^(?:\[([\da-f:.]+(?:%\w+)?)\]|([^\s:/?#@[\]]+)):(\d{1,5})$/i;

/** Returns why `value` is not an address to listen on, else `undefined`. */
export function hostAndPortProblem(value: string): string | undefined {
  const [, , , port] = HOST_AND_PORT.exec(value) ?? [];
  return port !== undefined && Number(port) <= 65_535
    ? undefined
    : 'a host and a port such as 127.0.0.1:9464 (port 0 picks a free one)';
}

/** The parts of a text that {@link hostAndPortProblem} accepts. */
export function hostAndPort(value: string): { host: string; port: number } {
  const [, address, name = '', port] = HOST_AND_PORT.exec(value) ?? [];
  return { host: address ?? name, port: Number(port) };
}
