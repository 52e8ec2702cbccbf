import type { Socket } from 'node:net';
import type { ConnectionError, FastifyInstance, FastifyReply } from 'fastify';
import { describe } from '../../protocol/identifiers.js';
import { CONTENT_TYPES } from './body.js';
import { PROBLEM_TYPE, type Problem, ProblemError, type ProblemListener, problem } from './problem.js';
import { proxyProtocolRefusal } from './proxy-protocol.js';
import { endWithProblem, type Refusal } from './raw-problem.js';

const MEDIA_TYPE =
  /^\s*(application|audio|font|image|message|model|multipart|text|video)\/[\w.+-]{1,60}\s*$/i;

/** Fastify's code for a body over its limit. */
const BODY_TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE';

/**
 * Makes every error of the API a problem document.
 *
 * @param onTooLarge is told of each body of more than `maxBodyBytes`.
 * @param onProblem called with each of them.
 */
export function answerErrors(
  app: FastifyInstance,
  maxBodyBytes: number,
  onTooLarge: () => void,
  onProblem: ProblemListener,
): void {
  const methods = methodsByPath(app);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = methods.get(path);
    if (allowed === undefined)
      return sendProblem(reply, problem(404, `Nothing at ${request.method} ${path}`), onProblem);
    const allow = [...allowed].join(', ');
    reply.header('allow', allow);
    return sendProblem(
      reply,
      problem(405, `Expected ${path} to be called with ${allow}, got ${request.method}`),
      onProblem,
    );
  });
  app.setErrorHandler((error: unknown, { headers }, reply) => {
    const answer = problemOf(error, maxBodyBytes, headers['content-type']);
    if ((error as { code?: unknown }).code === BODY_TOO_LARGE) onTooLarge();
    return sendProblem(reply, answer, onProblem);
  });
}

/** For Fastify's `frameworkErrors`: what the router cannot even read. */
export function answerUnroutable(reply: FastifyReply, onProblem: ProblemListener): void {
  const detail = 'Expected the path to be percent-encoded (RFC 3986), got one that is not';
  sendProblem(reply, problem(400, detail), onProblem);
}

/** For Fastify's `clientErrorHandler`: what is no HTTP request at all, too long, or too slow in coming. */
export function answerUnparsable(
  error: ConnectionError,
  socket: Socket,
  onRefused: (refusal: Refusal) => void,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = unparsableRefusal(error);
  onRefused(refusal);
  endWithProblem(socket, refusal);
}

function unparsableRefusal({ code, rawPacket }: ConnectionError): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'Expected shorter headers' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'Expected the whole request sooner' };
    default:
      // It is a Buffer (Node.js, event `clientError`), whatever the type of Fastify says.
      return (
        proxyProtocolRefusal(rawPacket as unknown as Uint8Array | undefined) ?? {
          status: 400,
          detail: 'Expected an HTTP/1.1 request',
        }
      );
  }
}

function methodsByPath(app: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ path, method }) => {
    const known = methods.get(path) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    methods.set(path, known);
  });
  return methods;
}

/** A media type (RFC 9110 section 8.3.1), without its parameters. What is none may be anything, a secret too. */
function shownType(contentType: string | undefined): string {
  if (contentType === undefined) return 'none';
  const [type = ''] = contentType.split(';', 1);
  return MEDIA_TYPE.test(type) ? describe(type.trim()) : 'something else';
}

function problemOf(error: unknown, maxBodyBytes: number, contentType: string | undefined): Problem {
  if (error instanceof ProblemError) return error.toProblem();
  const { statusCode = 500, code } = error as { statusCode?: number; code?: string };
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem(415, `Expected Content-Type to be ${CONTENT_TYPES}, got ${shownType(contentType)}`, {
        field: 'Content-Type',
        fix: "Add -H 'content-type: application/json'.",
      });
    case BODY_TOO_LARGE:
      return problem(413, `Expected a body of at most ${maxBodyBytes} bytes`, {
        field: 'body',
        fix: 'Split the batch.',
      });
    default:
      // What went wrong inside is nobody's business outside.
      return problem(
        statusCode,
        statusCode < 500 ? 'The request is not valid' : 'Something went wrong in the server',
      );
  }
}

function sendProblem(reply: FastifyReply, body: Problem, onProblem: ProblemListener) {
  onProblem(reply.request.raw, body);
  if (body.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(body.status).type(PROBLEM_TYPE).send(JSON.stringify(body));
}
