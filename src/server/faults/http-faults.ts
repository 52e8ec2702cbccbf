import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { retryAfter } from '../http/problem.js';
import { pathOf } from '../http/request-target.js';
import type { ActiveRule } from './active-rule.js';
import { reset } from './socket-faults.js';
import { StaleAnswer } from './stale-answer.js';

/** What the faults of DataFn's HTTP routes need from the server. */
export interface HttpFaultScene {
  /** The namespace of a request; `undefined` when it has none. Asked only where a rule is about a namespace. */
  namespaceOf(request: IncomingMessage): Promise<string | undefined>;
  /** Whether the pages of an origin may read answers. */
  isAllowedOrigin(origin: string | undefined): boolean;
}

/** What {@link disturbRequest} needs of the owner of the rules. */
export interface HttpFaultRules {
  /** The rules of DataFn's HTTP routes. */
  readonly rules: readonly ActiveRule[];
  /** Rules by which the server is away now. */
  readonly away: Iterable<ActiveRule>;
  /** Calls back after a time, or when the rules are replaced. */
  waitFor(ms: number, goOn: () => void): void;
}

/** Answers one request of a DataFn client, or has it answered, as the rules say. */
export async function disturbRequest(
  request: IncomingMessage,
  response: ServerResponse,
  answer: RequestListener,
  { rules, away, waitFor }: HttpFaultRules,
  scene: HttpFaultScene,
): Promise<void> {
  // Without it, a browser would not even send what is to go wrong.
  if (request.method === 'OPTIONS') {
    answer(request, response);
    return;
  }
  const isLocal = [...rules, ...away].some(({ rule }) => rule.match.namespace !== undefined);
  const namespace = isLocal ? await scene.namespaceOf(request) : undefined;
  for (const rule of away) {
    if (!rule.isAbout(namespace)) continue;
    reset(request.socket);
    return;
  }
  const route = pathOf(request.url).split('/').at(-1) ?? '';
  const struck = rules.filter((one) => {
    const { route: wanted } = one.rule.settings;
    return (wanted === 'any' || wanted === route) && one.isAbout(namespace) && one.takes();
  });
  const delayMs = struck.reduce(
    (sum, one) => (one.rule.fault === 'http-delay' ? sum + one.delayMs() : sum),
    0,
  );
  const goOn = () => {
    if (response.destroyed) return;
    const last = struck.find(({ rule }) => rule.fault !== 'http-delay');
    if (last === undefined) answer(request, response);
    else strike(last, request, response, answer, scene);
  };
  if (delayMs === 0) goOn();
  else waitFor(delayMs, goOn);
}

function strike(
  { rule: { fault, settings } }: ActiveRule,
  request: IncomingMessage,
  response: ServerResponse,
  answer: RequestListener,
  { isAllowedOrigin }: HttpFaultScene,
): void {
  const { origin } = request.headers;
  const letPagesRead = () => {
    if (origin !== undefined && isAllowedOrigin(origin))
      response.setHeader('access-control-allow-origin', origin).setHeader('vary', 'Origin');
  };
  switch (fault) {
    case 'http-error': {
      const { status = 503 } = settings;
      letPagesRead();
      sendError(response, status, 'SERVICE_UNAVAILABLE', 'A fault of this server');
      break;
    }
    case 'conflict':
      letPagesRead();
      sendError(response, 409, 'CONFLICT', 'A fault of this server: nothing was applied');
      break;
    case 'empty-body':
      letPagesRead();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 0 }).end();
      break;
    case 'lost-answer':
      loseAnswer(request, response);
      answer(request, response);
      break;
    default:
      new StaleAnswer(request, response);
      answer(request, response);
  }
}

/** An error as DataFn's servers send it. */
function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ ok: false, error: { code, message, details: { path: '$' } } });
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(status === 429 || status === 503 ? retryAfter(1000) : {}),
    })
    .end(body);
}

/** Resets the connection in place of an answer, whatever that is. */
function loseAnswer(request: IncomingMessage, response: ServerResponse): void {
  const lose = () => {
    reset(request.socket);
    return response;
  };
  response.writeHead = () => response;
  response.flushHeaders = () => {};
  response.write = () => true;
  response.end = lose;
}
