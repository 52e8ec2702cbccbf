import { type Document, isMap, isNode, isPair, isScalar, type LineCounter, type YAMLError } from 'yaml';
import { messageOf } from '../protocol/errors.js';

/** Mistakes whose message in `yaml` quotes nothing of the file: what others quote may be a secret. */
const PLAIN_ERRORS: ReadonlySet<string> = new Set([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'BLOCK_IN_FLOW',
  'DUPLICATE_KEY',
  'MISSING_CHAR',
  'MULTILINE_IMPLICIT_KEY',
  'MULTIPLE_DOCS',
  'TAB_AS_INDENT',
]);

/** What is wrong with a YAML file that may hold secrets, with nothing of the file in it. */
export function plainYamlMessage(error: YAMLError): string {
  return PLAIN_ERRORS.has(error.code)
    ? yamlWords(error)
    : 'invalid YAML; quote values with special characters';
}

/** What is wrong with a text that is not YAML, in words for its author: some of the parser's are for programmers. */
export function yamlWords({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'expected one document, got a second one after `---`';
  if (code === 'DUPLICATE_KEY') return 'duplicate key';
  return isTooDeep(message) ? TOO_DEEP : (message.split('\n', 1)[0] as string);
}

/** The same for what is thrown when the values of a document are read; `undefined` for what has another cause. */
export function yamlValueWords(error: unknown): string | undefined {
  const message = messageOf(error);
  if (isTooDeep(message)) return TOO_DEEP;
  if (!(error instanceof ReferenceError)) return undefined;
  return /alias count/i.test(message) ? 'its aliases expand to too much data' : message;
}

const TOO_DEEP = 'it is nested too deeply';

/** Parsing and checking are recursive. */
function isTooDeep(message: string): boolean {
  return /call stack/i.test(message);
}

/** Keys and indices that lead to a value of a document. */
export type Path = readonly (string | number)[];

/** `['cohorts', 'steady', 0]` as a person reads it: `cohorts.steady[0]`. */
export function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** Line and column of what a path names; of the nearest thing around it when it is not there. */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: Path,
): { line: number; col: number } {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
    const range = isNode(pair?.key) ? pair.key.range : undefined;
    if (range) return lines.linePos(range[0]);
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isNode(node) && node.range) return lines.linePos(node.range[0]);
  return path.length === 0 ? { line: 1, col: 1 } : positionOf(document, lines, path.slice(0, -1));
}
