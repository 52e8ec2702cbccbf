import type { YAMLError } from 'yaml';

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
export function plainYamlMessage({ code, message }: YAMLError): string {
  return PLAIN_ERRORS.has(code) ? message : 'this is no YAML; put special characters in quotes';
}
