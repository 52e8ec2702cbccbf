import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { readFileOfAnyKind } from '../../options/read-file.js';
import { plainYamlMessage } from '../../options/yaml.js';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import { namespaceProblem } from '../../protocol/identifiers.js';
import { decodeUtf8 } from '../../text/utf8.js';
import { MIN_TOKEN_BYTES, tokenLengthProblem } from './tokens.js';

/**
 * Reads a YAML or JSON file of `token: namespace`.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with everything that is wrong, a line each, by line and column; never
 *   with a token.
 */
export async function readTokensFile(file: string): Promise<ReadonlyMap<string, string>> {
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
): ReadonlyMap<string, string> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: string[] = [];
  const complain = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset);
    problems.push(`${source}:${line}:${col}: ${message}`);
  };
  const tokens = new Map<string, string>();
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
    const namespace = spelled(valueNode);
    const wrong = namespace === undefined ? 'a text' : namespaceProblem(namespace);
    if (wrong !== undefined) complain(valueNode?.range?.[0] ?? at, `expected the namespace to be ${wrong}`);
    // `yaml` finds one that is there twice, but takes 123 and "123" for two.
    else if (tokens.has(token)) complain(at, 'duplicate token');
    else tokens.set(token, namespace as string);
  }
  if (problems.length > 0) throw invalidOption(problems.join('\n'));
  return tokens;
}

/** A single value as the file spells it, not the number that YAML makes of it; `undefined` for anything else. */
function spelled(node: Node | null): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}
