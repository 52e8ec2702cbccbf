import { ORIGIN } from '../../options/checks.js';
import { describe } from '../../protocol/identifiers.js';
import { isLoopback } from './host-rule.js';

/** Whether a page of this origin is let in. */
export type OriginRule = (origin: string | undefined) => boolean;

/**
 * The rule of who may come from where. A request without an Origin is from no browser, or not from another site, and
 * passes: the rule protects people from pages, not the server from programs.
 *
 * @param allowed origins, `null` for pages that have none, `*` for any; empty lets in pages of this machine,
 *   whatever their port.
 */
export function originRule(allowed: readonly string[]): OriginRule {
  if (allowed.includes('*')) return () => true;
  if (allowed.length === 0) return (origin) => origin === undefined || isLoopbackOrigin(origin);
  const known = new Set(allowed.map(normalized));
  return (origin) => origin === undefined || known.has(normalized(origin));
}

/** What a page that is not let in is told, and the log; nothing of a user and a password. */
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
    fix: 'Send such an Origin, or none: only browsers have to.',
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
  // What is more than an origin is none, and is no entry of a list either.
  return isWeb && ORIGIN.test(origin) ? new URL(origin).origin : origin.toLowerCase();
}
