import type { IncomingMessage, RequestListener } from 'node:http';
import { isProbe } from './authorize.js';
import { PROBLEM_TYPE, type ProblemListener, problem } from './problem.js';
import { pathOf, shownPath } from './request-target.js';

/**
 * Answers a plain GET of the WebSocket endpoint with 426, with or without a token, and names the headers that a client or
 * a proxy lost. Everything else goes to `listener`.
 *
 * @param onRefused called for each of them.
 */
export function requireUpgrade(
  path: string,
  listener: RequestListener,
  onRefused: ProblemListener,
): RequestListener {
  // The routes of the API win.
  if (path.startsWith('/v1/') || isProbe(path)) return listener;
  return (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || pathOf(request.url) !== path) {
      listener(request, response);
      return;
    }
    const refusal = problem(426, whatIsMissing(request), {
      field: 'Upgrade',
      fix: 'Connect with a WebSocket client. A proxy in front must forward the handshake; in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
    });
    onRefused(request, refusal);
    const body = JSON.stringify(refusal);
    response
      // RFC 9110 sections 7.8 and 15.5.22.
      .writeHead(426, {
        Upgrade: 'websocket',
        Connection: 'Upgrade, close',
        'Content-Type': PROBLEM_TYPE,
        'Content-Length': Buffer.byteLength(body),
      })
      .end(body);
  };
}

/** Which headers of a WebSocket handshake (RFC 6455 section 4.1) a request lacks. */
function whatIsMissing({ url, headers, httpVersion }: IncomingMessage): string {
  const missing = [
    ...(/\bwebsocket\b/i.test(headers.upgrade ?? '') ? [] : ['Upgrade: websocket']),
    ...(/(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.connection ?? '') ? [] : ['Connection: Upgrade']),
  ];
  const version = httpVersion === '1.1' ? '' : `, over HTTP/${httpVersion}`;
  return `Expected a WebSocket handshake at ${shownPath(url)}, got a request without ${missing.join(' and ')}${version}`;
}
