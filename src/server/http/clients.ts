import type { IncomingMessage } from 'node:http';
import type { KickOutcome } from '../../backplane/backplane.js';
import type { Kick } from '../../manager/types.js';
import { closeProblem } from '../../protocol/close-codes.js';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { type ClientQuery, numberOf } from '../events/clients.js';
import { ProblemError } from './problem.js';

/** Clients in one answer, at most. */
const MAX_CLIENTS = 1000;

/**
 * Reads the query of `GET /v1/clients`.
 *
 * @throws {ProblemError} 400 for a page that cannot be.
 */
export function readClientQuery({ url }: Pick<IncomingMessage, 'url'>): ClientQuery {
  const query = new URLSearchParams(url?.split('?')[1]);
  const [namespace, after, limit] = ['namespace', 'after', 'limit'].map(
    (name) => query.get(name) ?? undefined,
  );
  if (after !== undefined && Number.isNaN(numberOf(after))) {
    throw new ProblemError(400, `Expected \`after\` to be the id of a client, got ${describe(after)}`, {
      field: 'after',
      fix: 'Send `next` of the page before, or leave it out for the first page.',
    });
  }
  const count = limit === undefined ? MAX_CLIENTS : Number(/^\d+$/.exec(limit)?.[0]);
  if (!(count >= 1 && count <= MAX_CLIENTS)) {
    throw new ProblemError(
      400,
      `Expected \`limit\` to be a whole number from 1 to ${MAX_CLIENTS}, got ${describe(limit)}`,
      { field: 'limit' },
    );
  }
  return { namespace, after, limit: count };
}

/** What the API says of a kick: how many clients were closed, and in a cluster which of its processes have answered. */
export type KickAnswer = Pick<KickOutcome, 'closed'> & Partial<KickOutcome>;

/** The parameters of the query that each way to name clients takes. */
const KICK_PARAMETERS = {
  id: ['code', 'reason'],
  namespace: ['principal', 'code', 'reason'],
  principal: ['principal', 'namespace', 'code', 'reason'],
} as const;

/**
 * Reads a request that closes clients. Parameters that are not known are refused: with a typo in one, far more clients
 * might be closed than were meant.
 *
 * @param by what names the clients.
 * @param value the id or namespace in the path.
 * @throws {ProblemError} 400 for one that names no clients, or a close that cannot be sent.
 */
export function readKick(
  { url }: Pick<IncomingMessage, 'url'>,
  by: keyof typeof KICK_PARAMETERS,
  value?: string,
): Kick {
  const query = new URLSearchParams(url?.split('?')[1]);
  const known: readonly string[] = KICK_PARAMETERS[by];
  for (const name of query.keys()) {
    if (known.includes(name) && query.getAll(name).length === 1) continue;
    throw new ProblemError(
      400,
      `Expected the query to have ${known.map((one) => `\`${one}\``).join(', ')} at most, each once, got ${describe(name)}`,
      { field: name },
    );
  }
  const [principal, namespace, code, reason] = ['principal', 'namespace', 'code', 'reason'].map(
    (name) => query.get(name) ?? undefined,
  );
  const names = { principal, namespace, [by]: value ?? query.get(by) ?? undefined };
  if (names[by] === undefined) {
    throw new ProblemError(400, 'Missing `principal` in the query: whose clients to close', {
      field: 'principal',
      fix: 'Add ?principal=user:bob; for all clients of a namespace, call DELETE /v1/namespaces/NS/clients.',
    });
  }
  for (const [field, name] of Object.entries(names)) {
    const wrong = name === undefined ? undefined : namespaceProblem(name);
    if (wrong !== undefined) throw new ProblemError(400, `Expected \`${field}\` to be ${wrong}`, { field });
  }
  const number = code === undefined ? undefined : /^\d{4}$/.test(code) ? Number(code) : code;
  const wrong = closeProblem(number ?? 1000, reason ?? '');
  if (wrong !== undefined) {
    const { field, expected, got } = wrong;
    throw new ProblemError(400, `Expected \`${field}\` to be ${expected}, got ${got}`, { field });
  }
  return {
    ...Object.fromEntries(Object.entries(names).filter(([, name]) => name !== undefined)),
    ...(number === undefined ? {} : { code: Number(number) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/**
 * 202 when not all processes of the cluster have answered.
 *
 * @throws {ProblemError} 404 for an id that no client has.
 */
export function statusOfKick({ id }: Kick, { closed, replicated = true }: KickAnswer): 200 | 202 {
  if (!replicated) return 202;
  if (id === undefined || closed > 0) return 200;
  throw new ProblemError(404, `No client has the id ${describe(id)}`, {
    field: 'id',
    fix: 'GET /v1/clients lists the clients that are connected, with their ids.',
  });
}
