import { expect, test } from 'vitest';
import { EMIT_PLACEHOLDERS, placeholderProblem, TOKEN_PLACEHOLDERS } from '../../src/options/checks.js';

test.each(['plain', '{namespace}', 'T-{cohort}-{i}', '{"tenant":"{namespace}"}', '{}', '{ namespace }'])(
  'a token may be %s',
  (text) => {
    expect(placeholderProblem(text, TOKEN_PLACEHOLDERS)).toBeUndefined();
  },
);

test.each([
  ['T-{namespce}', TOKEN_PLACEHOLDERS, /\{namespce\} is unknown\. Did you mean `\{namespace\}`\?/],
  ['{namespace}{cursor}', TOKEN_PLACEHOLDERS, /\{cursor\} is unknown/],
  ['{"c":"{curser}"}', EMIT_PLACEHOLDERS, /\{curser\} is unknown\. Did you mean `\{cursor\}`\?/],
])('%s has a placeholder that would never be filled in', (text, names, problem) => {
  expect(placeholderProblem(text, names)).toMatch(problem);
});
