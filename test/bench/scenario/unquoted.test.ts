import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../../src/bench/scenario/load.js';

/** What is said against a scenario with this cohort, and this under `expect`. */
function said(cohort: string, rules = "['closed == 0']"): string[] {
  const text = `version: 1
name: x
cohorts:
  few: ${cohort}
phases: [{ connect: { cohort: few } }]
expect: ${rules}
`;
  try {
    parseScenario(text, 'x.yaml');
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

const WHY = '(without quotes, YAML reads brackets and braces as lists and maps)';

describe('a text that YAML reads as something else is to be quoted, where it begins', () => {
  test.each<[string, string, string]>([
    ['a pattern', '{ clients: 3, namespaces: user:{1..3} }', 'x.yaml:4:34: quote it: "user:{1..3}" '],
    [
      'a pattern before a brace',
      '{clients: 3, namespaces: user:{1..3}}',
      'x.yaml:4:33: quote it: "user:{1..3}" ',
    ],
    [
      'two ranges',
      '{ clients: 3, namespaces: a:{1..3}:b:{1..2} }',
      'x.yaml:4:34: quote it: "a:{1..3}:b:{1..2}" ',
    ],
  ])('%s', (_, cohort, start) => {
    expect(said(cohort)).toEqual([start + WHY]);
  });

  test.each<[string, string, string]>([
    ['a pattern in a list', '{ clients: 3, namespaces: [b, user:{1..3}] }', '4:38 quote it: "user:{1..3}"'],
    ['a pattern alone', '{ clients: 3, namespaces: {1..3} }', '4:34 quote it: "{1..3}"'],
    ['a number', '{ clients: 3, namespaces: 42 }', '4:34 quote it: "42"'],
    ['numbers and other words', '{ clients: 3, namespaces: [1, "b", true] }', '4:35 quote it: "1", "true"'],
  ])('%s', (_, cohort, wanted) => {
    const [only = '', ...more] = said(cohort);
    expect(more).toEqual([]);
    const [, place, advice] = /^x\.yaml:(\d+:\d+): .*(quote it.*)$/.exec(only) ?? [];
    expect(`${place} ${advice}`).toBe(wanted);
  });

  test.each<[string, string, string]>([
    ['a rule with brackets', '[few.closed[4503] == 2]', 'x.yaml:6:10: quote it: "few.closed[4503] == 2" '],
    [
      'a rule with quotes of its own',
      `[few.closed[4503 "x"] == 2, cursors.lost == 0]`,
      `x.yaml:6:10: quote it: 'few.closed[4503 "x"] == 2' `,
    ],
  ])('%s', (_, rules, start) => {
    expect(said('{ clients: 3 }', rules)).toEqual([start + WHY]);
  });

  test('a reason with a colon', () => {
    expect(said('{ clients: 3 }', '\n  - few.closed[4503 "a: b"] == 3')).toEqual([
      `x.yaml:7:5: expect[0]: expected a rule such as \`cursors.lost == 0\`, got an object; quote it: 'few.closed[4503 "a: b"] == 3'`,
    ]);
  });
});

test('what would not be right in quotes either is not to be quoted', () => {
  const all = [
    said('{ clients: 3, behavior: [healthy] }'),
    said('{ clients: 3, behavior: 1 }'),
    said('{ clients: many }'),
    said('{ clients: 3 }', '\n  - few.closed[4503]: 3'),
    said('{ clients: 3 }', '[42]'),
    said('{ clients: 3, pause: 3 }'),
    said('{ clients: 3, namespaces: [user: [a, b }'),
  ];
  for (const problems of all) {
    expect(problems).not.toEqual([]);
    expect(problems.join()).not.toContain('quote it');
  }
});

test('a mistake beside it is told as well', () => {
  expect(said('{ clients: 3, namespaces: user:{1..3} }', '[a, b')).toEqual([
    `x.yaml:4:34: quote it: "user:{1..3}" ${WHY}`,
    expect.stringMatching(/^x\.yaml:7:1: /),
  ]);
});
