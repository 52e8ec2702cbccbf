import type { Socket } from 'node:net';
import type { ConnectionError, FastifyInstance, FastifyReply } from 'fastify';
import { CONTENT_TYPES } from './body.js';
import { PROBLEM_TYPE, type Problem, ProblemError, problem } from './problem.js';
import { endWithProblem } from './raw-problem.js';

/** Fastify's code for a body over its limit. */
const BODY_TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE';

/**
 * Makes every error of the API a problem document.
 *
 * @param onTooLarge is told of each body of more than `maxBodyBytes`.
 */
export function answerErrors(app: FastifyInstance, maxBodyBytes: number, onTooLarge: () => void): void {
  const methods = methodsByPath(app);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = methods.get(path);
    if (allowed === undefined)
      return sendProblem(reply, problem(404, `Nothing at ${request.method} ${path}`));
    const allow = [...allowed].join(', ');
    reply.header('allow', allow);
    return sendProblem(
      reply,
      problem(405, `Expected ${path} to be called with ${allow}, got ${request.method}`),
    );
  });
  app.setErrorHandler((error: unknown, _request, reply) => {
    const answer = problemOf(error, maxBodyBytes);
    if ((error as { code?: unknown }).code === BODY_TOO_LARGE) onTooLarge();
    return sendProblem(reply, answer);
  });
}

/** For Fastify's `frameworkErrors`: what the router cannot even read. */
export function answerUnroutable(_error: unknown, _request: unknown, reply: FastifyReply): void {
  sendProblem(reply, problem(400, 'Expected the path to be percent-encoded (RFC 3986), got one that is not'));
}

/** For Fastify's `clientErrorHandler`: what is no HTTP request at all, too long, or too slow in coming. */
export function answerUnparsable(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      endWithProblem(socket, { status: 431, detail: 'Expected shorter headers' });
      break;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      endWithProblem(socket, { status: 408, detail: 'Expected the whole request sooner' });
      break;
    default:
      endWithProblem(socket, { status: 400, detail: 'Expected an HTTP/1.1 request' });
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

function problemOf(error: unknown, maxBodyBytes: number): Problem {
  if (error instanceof ProblemError) return error.toProblem();
  const { statusCode = 500, code } = error as { statusCode?: number; code?: string };
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem(415, `Expected Content-Type to be ${CONTENT_TYPES}`, {
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

function sendProblem(reply: FastifyReply, body: Problem) {
  if (body.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(body.status).type(PROBLEM_TYPE).send(JSON.stringify(body));
}
