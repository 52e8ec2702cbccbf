import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { readFileOfAnyKind } from '../../options/read-file.js';
import { plainYamlMessage } from '../../options/yaml.js';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import { MAX_PRINCIPALS, namespaceProblem } from '../../protocol/identifiers.js';
import { formatAmount } from '../../text/units.js';
import { decodeUtf8 } from '../../text/utf8.js';
import { MIN_TOKEN_BYTES, TOKEN_GRANT_KEYS, type TokenGrant, tokenLengthProblem } from './tokens.js';

/**
 * Reads a YAML or JSON file of `token: namespace`, or of `token: { namespace, actorId, principalIds }`.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with everything that is wrong, a line each, by line and column; never
 *   with a token.
 */
export async function readTokensFile(file: string): Promise<ReadonlyMap<string, TokenGrant>> {
  let text: string | undefined;
  try {
    text = decodeUtf8(await readFileOfAnyKind(file));
  } catch (error) {
    throw invalidOption(`Cannot read the tokens file: ${messageOf(error)}`);
  }
  if (text === undefined) throw invalidOption('Expected the tokens file to be UTF-8, got invalid bytes');
  return parseTokens(text, file);
}

/**
 * As {@link readTokensFile}, from a text.
 *
 * @param source names it in messages.
 * @param minTokenBytes the shortest token, in bytes.
 */
export function parseTokens(
  text: string,
  source: string,
  minTokenBytes: number = MIN_TOKEN_BYTES,
): ReadonlyMap<string, TokenGrant> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: string[] = [];
  const complain = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset);
    problems.push(`${source}:${line}:${col}: ${message}`);
  };
  const tokens = new Map<string, TokenGrant>();
  for (const error of [...document.errors, ...document.warnings])
    complain(error.pos[0], plainYamlMessage(error));
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
  const { contents } = document;
  // An empty file was probably truncated; one that is meant to admit nobody says {}.
  if (!isMap(contents)) {
    complain(contents?.range[0] ?? 0, 'expected tokens, such as "a-long-random-token": user:alice');
    throw invalidOption(problems.join('\n'));
  }
  for (const pair of contents.items) {
    const [keyNode, valueNode] = [pair.key as Node | null, pair.value as Node | null];
    const at = keyNode?.range?.[0] ?? 0;
    const token = spelled(keyNode);
    const short = token === undefined ? 'text' : tokenLengthProblem(token, minTokenBytes);
    if (token === undefined || short !== undefined) {
      complain(at, `expected a token of ${short}`);
      continue;
    }
    const grant = grantOf(valueNode, at, complain);
    // `yaml` finds one that is there twice, but takes 123 and "123" for two.
    if (tokens.has(token)) complain(at, 'duplicate token');
    else tokens.set(token, grant);
  }
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
  return tokens;
}

type Complain = (offset: number, message: string) => void;

/** Where a key of an object is, and its value. */
interface Entry {
  readonly node: Node | null;
  readonly at: number;
}

/** What a token is good for. It counts only if there were no complaints. */
function grantOf(node: Node | null, tokenAt: number, complain: Complain): TokenGrant {
  const entry = entryOf(node, tokenAt);
  if (spelled(node) !== undefined) return nameIn(entry, 'the namespace', complain);
  if (!isMap(node)) {
    complain(entry.at, `expected a namespace, or an object with ${TOKEN_GRANT_KEYS.join(', ')}`);
    return '';
  }
  const entries = new Map<string, Entry>();
  for (const { key, value } of node.items as { key: Node | null; value: Node | null }[]) {
    const [name, at] = [spelled(key), key?.range?.[0] ?? entry.at];
    if (name !== undefined && TOKEN_GRANT_KEYS.some((known) => known === name))
      entries.set(name, entryOf(value, at));
    else complain(at, `expected no keys but ${TOKEN_GRANT_KEYS.join(', ')}, got another`);
  }
  const [namespace, actorId, ids] = TOKEN_GRANT_KEYS.map((name) => entries.get(name));
  if (namespace === undefined) complain(entry.at, 'expected a key "namespace"');
  return {
    namespace: namespace === undefined ? '' : nameIn(namespace, 'the namespace', complain),
    ...(actorId === undefined ? {} : { actorId: nameIn(actorId, 'the actorId', complain) }),
    ...(ids === undefined ? {} : { principalIds: principalsIn(ids, complain) }),
  };
}

function entryOf(node: Node | null, keyAt: number): Entry {
  return { node, at: node?.range?.[0] ?? keyAt };
}

function nameIn({ node, at }: Entry, what: string, complain: Complain): string {
  const name = spelled(node);
  const wrong = name === undefined ? 'a single value' : namespaceProblem(name);
  if (wrong !== undefined) complain(at, `expected ${what} to be ${wrong}`);
  return name ?? '';
}

function principalsIn({ node, at }: Entry, complain: Complain): string[] {
  if (!isSeq(node)) {
    complain(at, 'expected the principalIds to be a list, such as [team:sales]');
    return [];
  }
  const ids = (node.items as (Node | null)[]).map((one) => entryOf(one, at));
  if (ids.length > MAX_PRINCIPALS) {
    complain(at, `expected at most ${formatAmount(MAX_PRINCIPALS, 'principal')}, got ${ids.length}`);
    return [];
  }
  return ids.map((id) => nameIn(id, 'each of the principalIds', complain));
}

/** A single value as the file spells it, not the number that YAML makes of it; `undefined` for anything else. */
function spelled(node: Node | null): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}
