import type { IncomingMessage } from 'node:http';
import { describe } from '../../protocol/identifiers.js';
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
