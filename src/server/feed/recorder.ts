import { type ConnectionInfo, connectionInfo, type ServerEvents } from '../events/events.js';

/** The kinds of events that a feed has: those of the event stream that are not too frequent to be read. */
export const FEED_KINDS = [
  'connected',
  'hello',
  'behind',
  'refused',
  'rejectedUpgrade',
  'rejectedRequest',
  'closed',
  'broadcast',
  'limited',
  'ignoredText',
  'ignoredBinary',
  'abandoned',
  'terminated',
  'drainRequested',
  'fault',
  'faultsSet',
] as const satisfies readonly (keyof ServerEvents)[];

export type FeedKind = (typeof FEED_KINDS)[number];

/** One event as plain data. */
export interface FeedEvent {
  readonly kind: FeedKind;
  readonly data: {
    readonly connection?: ConnectionInfo;
    readonly namespace?: string;
    readonly [name: string]: unknown;
  };
}

/** Characters of an ignored message that are kept. */
const KEPT_TEXT = 200;

/** A listener that passes what happens on as plain data. */
export function recorder(record: (event: FeedEvent) => void): Required<Pick<ServerEvents, FeedKind>> {
  return {
    connected: (connection, connections) =>
      record({ kind: 'connected', data: { connection: connectionInfo(connection), connections } }),
    hello: (connection, heard) =>
      record({ kind: 'hello', data: { connection: connectionInfo(connection), heard } }),
    behind: (connection, heard, newest, others) =>
      record({
        kind: 'behind',
        data: { connection: connectionInfo(connection), heard, newest, ...(others === 0 ? {} : { others }) },
      }),
    refused: (connection, code, reason, why) =>
      record({ kind: 'refused', data: { connection: connectionInfo(connection), code, reason, why } }),
    rejectedUpgrade: (status, detail, why) =>
      record({ kind: 'rejectedUpgrade', data: { status, detail, why } }),
    rejectedRequest: (status, detail, request) =>
      record({ kind: 'rejectedRequest', data: { status, detail, ...request } }),
    closed: (connection, code, reason, by) =>
      record({ kind: 'closed', data: { connection: connectionInfo(connection), code, reason, by } }),
    broadcast: (namespace, cursor, delivered) =>
      record({ kind: 'broadcast', data: { namespace, cursor, delivered } }),
    limited: (limit) => record({ kind: 'limited', data: { limit } }),
    ignoredText: (connection, text) =>
      record({
        kind: 'ignoredText',
        data: {
          connection: connectionInfo(connection),
          text: text.slice(0, KEPT_TEXT).toWellFormed(),
          length: text.length,
        },
      }),
    ignoredBinary: (connection, bytes) =>
      record({ kind: 'ignoredBinary', data: { connection: connectionInfo(connection), bytes } }),
    abandoned: () => record({ kind: 'abandoned', data: {} }),
    terminated: (connection) =>
      record({ kind: 'terminated', data: { connection: connectionInfo(connection) } }),
    drainRequested: () => record({ kind: 'drainRequested', data: {} }),
    fault: (fault, connection) =>
      record({ kind: 'fault', data: { fault, connection: connection && connectionInfo(connection) } }),
    faultsSet: (faults) => record({ kind: 'faultsSet', data: { faults } }),
  };
}

/** Which events a reader wants: of each list that is given, one must match. */
export interface FeedFilter {
  readonly namespaces: readonly string[];
  /** Client ids, or numbers of connections. */
  readonly clients: readonly string[];
  readonly kinds: readonly string[];
}

/** The rule of a filter; `undefined` for one that lets everything through. */
export function filterRule({
  namespaces,
  clients,
  kinds,
}: FeedFilter): ((event: FeedEvent) => boolean) | undefined {
  if (namespaces.length + clients.length + kinds.length === 0) return undefined;
  const matches = (wanted: readonly string[], ...values: readonly (string | undefined)[]) =>
    wanted.length === 0 || values.some((value) => value !== undefined && wanted.includes(value));
  return ({ kind, data: { connection, namespace } }) =>
    matches(kinds, kind) &&
    matches(namespaces, namespace ?? connection?.namespace) &&
    matches(clients, connection?.clientId, connection && String(connection.id));
}
