import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { authorize } from '../http/authorize.js';
import type { ProblemListener } from '../http/problem.js';
import { type Routes, routeRequests } from '../http/router.js';

/** The files of the page: the folder `demo` of the package. */
const FOLDER = new URL('../../../demo/', import.meta.url);

/** What a host may be to stand in a header. */
const HOST = /^[\w.:[\]-]+$/;

/**
 * Serves a page that shows live sync: a DataFn client in plain JavaScript.
 *
 * @param remote the DataFn remote that the page uses.
 * @param needsLoopbackHost whether only requests to this machine by name are let in.
 */
export function demoRoutes(
  remote: string,
  needsLoopbackHost: boolean,
  refused: ProblemListener,
): RequestListener {
  const file = (name: string, type: string) => ({
    async GET(request: IncomingMessage, response: ServerResponse) {
      const text = await readFile(new URL(name, FOLDER), 'utf8');
      send(request, response, type, text.replace('%REMOTE%', encodeURI(remote)));
    },
  });
  const routes: Routes = {
    '/': file('index.html', 'text/html'),
    '/demo.js': file('demo.js', 'text/javascript'),
    '/demo.css': file('demo.css', 'text/css'),
  };
  return routeRequests(routes, refused, (request) => {
    if (needsLoopbackHost) authorize(request, undefined);
    return false;
  });
}

function send({ headers }: IncomingMessage, response: ServerResponse, type: string, text: string): void {
  const { host = '' } = headers;
  // Not every browser counts the WebSockets of a page's own origin as 'self'.
  const sockets = HOST.test(host) ? ` ws://${host} wss://${host}` : '';
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'${sockets}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(text);
}
