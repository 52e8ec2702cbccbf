import type { YAMLError } from 'yaml';
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
    : 'this is no YAML; put special characters in quotes';
}

/** What is wrong with a text that is no YAML, in words for its author: some of the parser's are for programmers. */
export function yamlWords({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'expected one document, got another behind `---`';
  if (code === 'DUPLICATE_KEY') return 'this key is there already';
  return isTooDeep(message) ? TOO_DEEP : (message.split('\n', 1)[0] as string);
}

/** The same for what is thrown when the values of a document are read; `undefined` for what has another cause. */
export function yamlValueWords(error: unknown): string | undefined {
  const message = messageOf(error);
  if (isTooDeep(message)) return TOO_DEEP;
  if (!(error instanceof ReferenceError)) return undefined;
  return /alias count/i.test(message) ? 'its aliases expand to too much' : message;
}

const TOO_DEEP = 'it is nested too deeply';

/** Parsing and checking are recursive. */
function isTooDeep(message: string): boolean {
  return /call stack/i.test(message);
}
