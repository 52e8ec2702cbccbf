import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { jsonMistake } from '../../text/json-mistake.js';
import type { Row } from './change-stream.js';
import { isObject } from './requests.js';
import { type MutationOutcome, NamespaceData, type Store } from './store.js';

/** What a file begins with, so that no other JSON is taken for one. */
const FORMAT = 'datafn-ws backend';
const VERSION = 1;

/** What a store holds now. Rows never change, so it stays what it was while it is written. */
export interface Snapshot {
  readonly namespaces: readonly {
    readonly name: string;
    readonly seq: number;
    readonly streams: readonly (readonly [name: string, rows: readonly Row[]])[];
  }[];
  readonly outcomes: readonly (readonly [key: string, outcome: MutationOutcome])[];
}

export function snapshotOf(store: Store): Snapshot {
  return {
    namespaces: [...store.namespaces].map(([name, { seq, streams }]) => ({
      name,
      seq,
      streams: [...streams].map(([stream, rows]) => [stream, [...rows.changesAfter(0)]] as const),
    })),
    outcomes: [...store.outcomes],
  };
}

/** A snapshot as JSON, with one row on each line. */
export function* linesOf({ namespaces, outcomes }: Snapshot): Generator<string> {
  yield `{"format":${JSON.stringify(FORMAT)},"version":${VERSION},"namespaces":{`;
  for (const [index, { name, seq, streams }] of namespaces.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(name)}:{"seq":${seq},"tables":{`;
    for (const [at, [stream, rows]] of streams.entries()) {
      yield `${at === 0 ? '' : ','}${JSON.stringify(stream)}:[`;
      yield* commaLines(rows, ({ key, seq, data }) =>
        JSON.stringify(data === undefined ? [key, seq] : [key, seq, data]),
      );
      yield ']';
    }
    yield '}}';
  }
  yield '},"mutations":[';
  yield* commaLines(outcomes, (outcome) => JSON.stringify(outcome));
  yield ']}';
}

function* commaLines<Item>(items: readonly Item[], render: (item: Item) => string): Generator<string> {
  for (const [index, item] of items.entries()) yield `${render(item)}${index < items.length - 1 ? ',' : ''}`;
}

/** Says what is wrong with a file, and where: `7:12: expected …`. */
class BrokenState extends Error {}

/** A part of the file, by keys and indexes. */
type Path = readonly (string | number)[];

/**
 * Puts what a text holds into an empty store.
 *
 * @returns what is wrong with the text, with line and column; undefined when nothing is.
 */
export function restore(text: string, store: Store): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return syntaxProblem(text);
  }
  const complain = (path: Path, expected: string, got: unknown): never => {
    throw new BrokenState(`${placeOf(text, path)}: expected ${expected}, got ${describe(got)}`);
  };
  try {
    restoreAll(parsed, store, complain);
    return undefined;
  } catch (error) {
    if (error instanceof BrokenState) return error.message;
    throw error;
  }
}

type Complain = (path: Path, expected: string, got: unknown) => never;

function restoreAll(parsed: unknown, store: Store, complain: Complain): void {
  if (!isObject(parsed) || parsed.format !== FORMAT)
    complain([], `a file that --backend-file has written, with "format": "${FORMAT}"`, parsed);
  const { version, namespaces, mutations } = parsed as Record<string, unknown>;
  if (version !== VERSION) complain(['version'], `version ${VERSION}`, version);
  if (!isObject(namespaces)) complain(['namespaces'], 'an object', namespaces);
  for (const [name, value] of Object.entries(namespaces)) {
    const at = ['namespaces', name];
    const wrong = namespaceProblem(name);
    if (wrong !== undefined) complain(at, `the namespace to be ${wrong}`, name);
    if (!isObject(value)) complain(at, 'an object', value);
    if (!isNumber(value.seq)) complain([...at, 'seq'], 'a whole number', value.seq);
    if (!isObject(value.tables)) complain([...at, 'tables'], 'an object', value.tables);
    // Whatever time the clock shows: no number that was given out is given out again.
    const data = new NamespaceData(Math.max(value.seq, store.firstSeq()));
    store.adopt(name, data);
    for (const [stream, rows] of Object.entries(value.tables)) {
      if (!Array.isArray(rows)) complain([...at, 'tables', stream], 'an array', rows);
      restoreRows(rows, [...at, 'tables', stream], complain, (row) => store.restoreRow(data, stream, row));
    }
  }
  if (!Array.isArray(mutations)) complain(['mutations'], 'an array', mutations);
  for (const [index, entry] of mutations.entries()) {
    const [key, outcome] = Array.isArray(entry) ? entry : [];
    if (typeof key !== 'string' || !isObject(outcome) || typeof outcome.ok !== 'boolean')
      complain(['mutations', index], 'a mutation and how it ended', entry);
    store.remember(key as string, outcome as unknown as MutationOutcome);
  }
}

function restoreRows(
  rows: readonly unknown[],
  at: Path,
  complain: Complain,
  take: (row: Omit<Row, 'bytes'>) => void,
): void {
  let newest = 0;
  for (const [index, row] of rows.entries()) {
    const path = [...at, index];
    if (!Array.isArray(row)) complain(path, 'a row: [id, number, {…}]', row);
    const [key, seq, data] = row;
    if (typeof key !== 'string') complain([...path, 0], 'an id', key);
    if (!isNumber(seq) || seq <= newest) complain([...path, 1], `a whole number above ${newest}`, seq);
    if (data !== undefined && !isObject(data)) complain([...path, 2], 'an object', data);
    newest = seq;
    take({ key, seq, data });
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

/** Where a part of a text is that is JSON. */
function placeOf(text: string, path: Path): string {
  const lines = new LineCounter();
  let node: unknown = parseDocument(text, { lineCounter: lines, schema: 'json' }).contents;
  for (const key of path) {
    const inner: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined;
    // What is missing is where it is missing.
    if (inner === undefined) break;
    node = inner;
  }
  return placeText(lines.linePos((node as Node | null)?.range?.[0] ?? 0));
}

/** What is wrong with a text that is no JSON. */
function syntaxProblem(text: string): string {
  const offset = jsonMistake(text) ?? text.length;
  const lines = text.slice(0, offset).split('\n');
  const got = offset === text.length ? 'the end of the file' : describe(text.slice(offset, offset + 20));
  return `${placeText({ line: lines.length, col: (lines.at(-1) as string).length + 1 })}: expected JSON, got ${got}`;
}

function placeText({ line, col }: { readonly line: number; readonly col: number }): string {
  return `${Math.max(line, 1)}:${Math.max(col, 1)}`;
}
