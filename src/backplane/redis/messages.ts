import { cursorProblem, namespaceProblem } from '../../protocol/identifiers.js';
import type { ClusterCursor } from '../backplane.js';
import type { Beat, EngineMessage } from '../engine.js';
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
  const [timing, ...records] = rest;
  if (kind !== 'cursors' || (timing !== 'live' && timing !== 'late')) return undefined;
  const items: ClusterCursor[] = [];
  for (const record of records) {
    const [namespace, epoch, cursor, ...more] = record.split(FIELD);
    const item = more.length === 0 ? checkedCursor(namespace, epoch, cursor) : undefined;
    if (item === undefined) return undefined;
    items.push(item);
  }
  return { ...from, kind, late: timing === 'late', items };
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
