import { type Document, isNode, parseDocument, type YAMLError } from 'yaml';
import type { Path } from '../../options/yaml.js';

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
