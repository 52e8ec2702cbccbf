import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { verdictOf } from '../../../src/bench/model/result.js';
import type { Scenario } from '../../../src/bench/model/scenario.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import { IMPLICIT_RULES } from '../../../src/bench/scenario/complete.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { judge } from '../../../src/bench/verdict/rule.js';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const scenario = (rules: readonly string[], more: object = {}): Scenario =>
  parseScenario(
    JSON.stringify({
      ...{ version: 1, name: 'x', cohorts: { users: { clients: 1 } }, phases: [{ hold: '1s' }] },
      ...{ expect: rules, ...more },
    }),
    'x.yaml',
  );
const texts = ({ implicitExpectations }: Scenario) => implicitExpectations.map(({ text }) => text);

describe('the implicit rules of a scenario', () => {
  test('are what every server owes its clients', () => {
    expect(texts(scenario(['users.open == 1']))).toEqual(IMPLICIT_RULES);
  });

  test('are not there where it says `implicit: off`', () => {
    expect(texts(scenario(['users.open == 1'], { implicit: 'off' }))).toEqual([]);
    expect(texts(scenario(['users.open == 1'], { implicit: 'on' }))).toEqual(IMPLICIT_RULES);
    const yaml =
      'version: 1\nname: x\nimplicit: off\ncohorts: { a: { clients: 1 } }\nphases: [{ hold: 1s }]\nexpect: [a.open == 1]\n';
    expect(texts(parseScenario(yaml, 'x.yaml'))).toEqual([]);
  });

  test('leave out what a rule about the whole run speaks of, whatever it allows', () => {
    const rules = ['cursors.lost < 5', 'users.cursors.leaked == 0'];
    expect(texts(scenario(rules))).toEqual(IMPLICIT_RULES.filter((rule) => rule !== 'cursors.lost == 0'));
  });

  test('anything else than on and off is told what may stand there', () => {
    expect(() => scenario(['users.open == 1'], { implicit: 'of' })).toThrow(
      /implicit: expected one of on, off/,
    );
  });
});

test('pings are owed by the interval that the scenario gives the server', () => {
  const interval = (server: object) => scenario(['users.open == 1'], { server }).heartbeatIntervalMs;
  expect(interval({})).toBe(30_000);
  expect(interval({ heartbeatInterval: '1500ms' })).toBe(1500);
  expect(interval({ heartbeatInterval: '0' })).toBe(0);
});

describe('an implicit rule that does not hold', () => {
  const plain = filledResult(['hot.accepted == 50']);
  const outcomes = plain.scenario.implicitExpectations
    .filter(({ text }) => text === 'protocolErrors == 0')
    .map((expectation) => ({ expectation, ...judge(expectation.rule, plain.measurements) }));
  const result = { ...plain, outcomes: [...plain.outcomes, ...outcomes] };
  const report = jsonReport([asJson(result)], []);

  test('fails the run', () => {
    expect(verdictOf(plain)).toBe('passed');
    expect(verdictOf(result)).toBe('failed');
  });

  test('is marked as one in every report', () => {
    expect(report.results[0]?.expectations.map(({ rule, implicit }) => ({ rule, implicit }))).toEqual([
      { rule: 'hot.accepted == 50', implicit: undefined },
      { rule: 'protocolErrors == 0', implicit: true },
    ]);
    const text = terminalReport(report.results[0] as never, { colors: new Chalk({ level: 0 }), columns: 80 });
    expect(text).toMatch(/^ {2}✗ protocolErrors == 0 \(implicit\) +\d+$/m);
    expect(markdownReport(report)).toContain('`protocolErrors == 0` (implicit)');
    expect(junitReport(report)).toContain('name="protocolErrors == 0 (implicit)"');
    expect(htmlReport(report)).toMatch(/protocolErrors == 0<\/code> <small>\(implicit\)<\/small>/);
    expect(htmlReport(report)).toContain('which every DataFn server owes its clients');
  });
});
