import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';

/** Where requests go. */
export interface Target {
  /** For logs. */
  readonly origin: string;
  /** The Host header of its requests. */
  readonly host: string;
  readonly isSecure: boolean;
  readonly request: typeof requestHttp;
  readonly where: RequestOptions;
  /** Path and query at the backend for a path below the remote, such as `/push`. */
  pathOf(below: string): string;
}

/**
 * @param url of the backend. One without a path has its remote where this server has it; otherwise its path is that of
 *   the remote.
 * @param remote the path of the remote at this server, such as `/datafn`.
 */
export function targetOf(url: string, remote: string): Target {
  const parsed = new URL(url);
  const isSecure = parsed.protocol === 'https:';
  const base = parsed.pathname.replace(/\/+$/, '') || remote;
  const { hostname, port, protocol } = urlToHttpOptions(parsed);
  return {
    origin: parsed.origin,
    host: parsed.host,
    isSecure,
    request: isSecure ? requestHttps : requestHttp,
    where: { hostname, port, protocol },
    pathOf(below) {
      const path = `${base}${below}`;
      return path.startsWith('/') ? path : `/${path}`;
    },
  };
}

/**
 * Whether a path climbs out of its folder, in any spelling that some server understands: what is behind the remote is not
 * the whole backend.
 */
export function hasDotSegments(path: string): boolean {
  return /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\?#;]|%2f|%5c)/i.test(path);
}
