import type { Kick } from '../../manager/types.js';
import { closeProblem } from '../../protocol/close-codes.js';
import { cursorProblem, namespaceProblem, principalsProblem } from '../../protocol/identifiers.js';
import type { ClusterCursor } from '../backplane.js';
import type { Beat, EngineMessage, NodeMessage } from '../engine.js';
import { FIELD, RECORD } from './scripts.js';

// The messages of the channel and the values of the hash. Any program with access to the engine can write there, so
// both are checked like input from a client.

/** Longest version that is taken for one. */
const MAX_VERSION_LENGTH = 64;
const UUID = /^[\da-f-]{36}$/;

/** What a beat says, as its script takes it. */
export function beatText({ version, connections, count }: Beat): string {
  return [version, connections, count].join(RECORD);
}

/** Reads a message of the channel; `undefined` for anything that no node sends. */
export function readMessage(text: string): EngineMessage | undefined {
  const [kind, node = '', sequenceText, ...rest] = text.split(RECORD);
  const sequence = wholeNumber(sequenceText);
  if (sequence === undefined || !UUID.test(node)) return undefined;
  const from = { node, sequence };
  if (kind === 'leave') return { ...from, kind };
  if (kind === 'beat') {
    const beat = readBeat(rest);
    return beat && { ...from, kind, ...beat };
  }
  if (kind === 'kick' || kind === 'kicked') {
    const message = readNodeMessage(kind, rest);
    return message && { ...from, ...message };
  }
  const [timing, ...records] = rest;
  if (kind !== 'cursors' || (timing !== 'live' && timing !== 'late')) return undefined;
  const items: ClusterCursor[] = [];
  for (const record of records) {
    const [namespace, epoch, cursor, ...affectedPrincipals] = record.split(FIELD);
    const item = checkedCursor(namespace, epoch, cursor);
    if (item === undefined || principalsProblem(affectedPrincipals) !== undefined) return undefined;
    items.push(affectedPrincipals.length === 0 ? item : { ...item, affectedPrincipals });
  }
  return { ...from, kind, late: timing === 'late', items };
}

/** What {@link NodeMessage} says, as its script takes it. JSON escapes the separators. */
export function nodeMessageText(message: NodeMessage): string {
  return message.kind === 'kick'
    ? [message.request, JSON.stringify(message.kick)].join(RECORD)
    : [message.request, message.to, message.closed].join(RECORD);
}

function readNodeMessage(
  kind: NodeMessage['kind'],
  [requestText, second = '', third]: readonly string[],
): NodeMessage | undefined {
  const request = wholeNumber(requestText);
  if (request === undefined) return undefined;
  if (kind === 'kick') {
    const kick = readKick(second);
    return kick && { kind, request, kick };
  }
  const closed = wholeNumber(third);
  return closed === undefined || !UUID.test(second) ? undefined : { kind, request, to: second, closed };
}

function readKick(text: string): Kick | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, namespace, principal, code, reason } = value as Record<keyof Kick, unknown>;
  const names = [id, namespace, principal].filter((name) => name !== undefined);
  if (names.length === 0 || names.some((name) => namespaceProblem(name) !== undefined)) return undefined;
  if (closeProblem(code ?? 1000, reason ?? '') !== undefined) return undefined;
  return { id, namespace, principal, code, reason } as Kick;
}

function readBeat([version = '', connectionsText, countText]: readonly string[]): Beat | undefined {
  const connections = wholeNumber(connectionsText);
  const count = wholeNumber(countText);
  if (connections === undefined || count === undefined || version.length > MAX_VERSION_LENGTH)
    return undefined;
  return { version, connections, count };
}

/** Reads a field of the hash and its value; `undefined` for what no node wrote. */
export function readStored(namespace: unknown, value: unknown): ClusterCursor | undefined {
  const [, epoch, cursor] = /^(\d+):[^:]+:\d+:(.*)$/s.exec(String(value)) ?? [];
  return checkedCursor(namespace, epoch, cursor);
}

function checkedCursor(
  namespace: unknown,
  epochText: string | undefined,
  cursor: unknown,
): ClusterCursor | undefined {
  const epoch = wholeNumber(epochText);
  if (epoch === undefined || namespaceProblem(namespace) !== undefined || cursorProblem(cursor) !== undefined)
    return undefined;
  return { namespace: namespace as string, cursor: cursor as string, epoch };
}

function wholeNumber(text: string | undefined): number | undefined {
  const number = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
