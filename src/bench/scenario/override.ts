import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Path, pathText, yamlValueWords, yamlWords } from '../../options/yaml.js';

import { DatafnWsError } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { didYouMean } from '../../text/nearest.js';
import type { ScenarioChange } from '../model/scenario.js';
import { inOneLine } from './schema.js';

/** `steady`, `[3]`: what a path is made of, with a dot between names. */
const PATH = /^[^.[\]\s]+(?:\.[^.[\]\s]+|\[[^.[\]\s]+\])*$/;

/**
 * Puts the value of `cohorts.steady.clients=500` into a document.
 *
 * @param text what the document was read from.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it is not an assignment, or there is no such place.
 */
export function override(document: Document, text: string, assignment: string): Assignment {
  const equals = assignment.indexOf('=');
  const given = assignment.slice(0, Math.max(0, equals)).trim();
  if (!PATH.test(given)) {
    throw invalid(
      `Expected --set to be PATH=VALUE such as cohorts.steady.clients=500, got ${describe(assignment)}.`,
    );
  }
  const path = given
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const value = assignment.slice(equals + 1);
  const read = readValue(given, value);
  // The one part of a scenario that may be left out and yet has parts of its own.
  if (path.length === 2 && path[0] === 'server' && !document.has('server'))
    document.set('server', document.createNode({}));
  const wrong = placeProblem(document, path);
  if (wrong !== undefined) {
    const names = isMap(document.contents) ? pathsOf(document.toJS()) : [];
    throw invalid(
      `Expected --set ${given} to name a value of the scenario: ${wrong}.${didYouMean(pathText(path), names)}`,
    );
  }
  const before = writtenAt(document, text, path);
  document.setIn(path, read);
  return { path, value: inOneLine(value), before };
}

/** What a person wrote where a path leads, in one line; `undefined` when there is nothing. */
function writtenAt(document: Document, text: string, path: Path): string | undefined {
  const node = document.getIn(path, true);
  if (isScalar(node) && typeof node.value === 'string') return inOneLine(node.value);
  return isNode(node) && node.range ? inOneLine(text.slice(node.range[0], node.range[1])) : undefined;
}

/** Why a value cannot be put there: into a map, or into a list at most one behind its last. */
function placeProblem(document: Document, path: Path): string | undefined {
  for (let length = 1; length < path.length; length++) {
    const start = path.slice(0, length);
    if (!document.hasIn(start)) return `there is no \`${pathText(start)}\``;
  }
  const parent = path.slice(0, -1);
  const within = parent.length === 0 ? document.contents : document.getIn(parent, true);
  if (!isCollection(within)) return `there is nothing in \`${pathText(parent)}\``;
  const key = path.at(-1);
  if (!isSeq(within) || (typeof key === 'number' && key <= within.items.length)) return undefined;
  return `there is no \`${pathText(path)}\``;
}

function readValue(path: string, text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) throw noValue(path, text, yamlWords(mistake));
  try {
    return document.toJS();
  } catch (error) {
    const why = yamlValueWords(error);
    throw why === undefined ? error : noValue(path, text, why);
  }
}

function noValue(path: string, text: string, why: string): DatafnWsError {
  return invalid(`Expected --set ${path} to be a value in YAML, got ${describe(text)}: ${why}.`);
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}

/** Every path of a value, as `--set` takes it. */
function pathsOf(value: unknown, prefix: Path = []): string[] {
  if (typeof value !== 'object' || value === null) return [pathText(prefix)];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, child]) => pathsOf(child, [...prefix, key]));
}

/** A value that `--set` has put into a scenario. */
export interface Assignment {
  readonly path: Path;
  /** The value as it was given. */
  readonly value: string;
  /** The value in the file, as it stands there; `undefined` when there is none. */
  readonly before: string | undefined;
}

/** What assignments have changed; of several to one place the last counts. */
export function changesOf(assignments: readonly Assignment[]): ScenarioChange[] {
  const byPath = new Map<string, ScenarioChange>();
  for (const { path: parts, value, before: found } of assignments) {
    const path = pathText(parts);
    const known = byPath.get(path);
    const before = known === undefined ? found : known.before;
    if (value === before) byPath.delete(path);
    else byPath.set(path, { path, value, before });
  }
  return [...byPath.values()];
}

/** What people write without quotes: a namespace pattern, and a rule with brackets. */
const NEEDS_QUOTES =
  /(?:[\w.:@/-]+\{[^{}\n,:]*\})+[\w.:@/-]*|[\w.-]+\[[^\]\n]*\]\s*(?:==|!=|<=|>=|<|>)\s*[^\s,\]}]+/g;

/** Every try reads the whole text again. */
const MAX_TRIES = 20;

/** A part of a YAML text that belongs in quotes. */
export interface Unquoted {
  readonly text: string;
  readonly start: number;
}

/** The parts of a text that keep it from being YAML: in quotes, they leave fewer mistakes on their line. */
export function unquotedParts(text: string, mistakes: readonly YAMLError[]): Unquoted[] {
  const isOnLineOf = (start: number) => {
    const from = text.lastIndexOf('\n', start);
    const to = text.indexOf('\n', start);
    return ({ pos: [at] }: YAMLError) => at > from && (to < 0 || at <= to);
  };
  const found = [...text.matchAll(NEEDS_QUOTES)].filter(({ index }) => mistakes.some(isOnLineOf(index)));
  return found.slice(0, MAX_TRIES).flatMap(({ 0: part, index: start }) => {
    const tried = `${text.slice(0, start)}${quoted(part)}${text.slice(start + part.length)}`;
    const { errors, warnings } = parseDocument(tried, { prettyErrors: false });
    return errors.length + warnings.length < mistakes.length ? [{ text: part, start }] : [];
  });
}

/**
 * The parts of a value that YAML does not take for text, and that would be right as one.
 *
 * @param isRight whether a scenario, changed, is right at the path.
 */
export function unquotedValues(
  document: Document,
  text: string,
  path: Path,
  isRight: (changed: unknown) => boolean,
): Unquoted[] {
  if (path.length === 0) return [];
  const raw: unknown = document.toJS();
  const value = valueAt(raw, path);
  const places = Array.isArray(value) ? value.map((_, index) => [...path, index]) : [path];
  const wrong = places.flatMap((place) => {
    const node = document.getIn(place, true);
    if (typeof valueAt(raw, place) === 'string' || !isNode(node) || !node.range) return [];
    const [start, end] = node.range;
    const part = text.slice(start, end).trim();
    return part === '' || part.includes('\n') ? [] : [{ place, text: part, start }];
  });
  if (wrong.length === 0) return [];
  const changed = structuredClone(raw);
  for (const { place, text: part } of wrong) {
    const parent = valueAt(changed, place.slice(0, -1)) as Record<string | number, unknown>;
    parent[place.at(-1) as string] = part;
  }
  return isRight(changed) ? wrong : [];
}

/** What to do about parts that are not in quotes. */
export function quoteAdvice(parts: readonly Unquoted[]): string {
  return `quote it: ${parts.map(({ text }) => quoted(text)).join(', ')}`;
}

function quoted(text: string): string {
  return /["\\]/.test(text) ? `'${text.replaceAll("'", "''")}'` : `"${text}"`;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((one, key) => (one as Record<string | number, unknown> | null)?.[key], value);
}
