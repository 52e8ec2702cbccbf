import { expect, test } from 'vitest';
import type { Phase } from '../../../src/bench/model/scenario.js';
import { annotations, withoutCommands } from '../../../src/bench/report/formats/annotations.js';
import { filledMeasurements, filledReport, filledResult } from '../filled.js';

const inRepository = (source: string) => `bench/${source}`;

test('a rule that does not hold is an error at its line of the scenario file', () => {
  const report = filledReport(['steady.accepted == 1000', 'hot.accepted == 51', 'fanout.p99 < 1ms']);
  expect(annotations(report, inRepository)).toBe(
    '::error file=bench/sample.yaml,line=12,title=bench sample::expected hot.accepted == 51, got 50\n' +
      '::error file=bench/sample.yaml,line=13,title=bench sample::expected fanout.p99 < 1ms, got 337 ms\n',
  );
});

test('a rule of a phase names the phase', () => {
  const phase = 'connect: { cohort: steady }, expect: [steady.accepted == 1]';
  const [first] = filledResult(['hot.accepted == 50'], {}, phase).scenario.phases as [Phase];
  const outcomes = first.expectations.map((expectation) => ({
    ...{ expectation, passed: false, actual: 1000, shown: '1,000' },
  }));
  const measured = { isFinished: true, startMs: 0, durationMs: 1, measurements: filledMeasurements() };
  const phases = [{ phase: first, outcomes, ...measured }];
  const report = filledReport(['hot.accepted == 50'], { phases }, phase);
  expect(annotations(report, inRepository)).toBe(
    '::error file=bench/sample.yaml,line=9,title=bench sample::expected steady.accepted == 1 in "connect 1,000 clients (steady) at 1,000/s", got 1,000\n',
  );
});

test('a run that passed is nothing', () => {
  expect(annotations(filledReport(['hot.accepted == 50']), inRepository)).toBe('');
});

test('what else went wrong, and scenarios that were not run, are errors too', () => {
  const rules = ['hot.accepted == 50'];
  const texts = [
    filledReport(rules, { invalid: ['Worker 1 died'] }),
    filledReport(rules, { aborted: true }),
    filledReport(rules, { problems: ['The server ended'] }),
    { ...filledReport(rules), notRun: [{ name: 'later', source: 'later.yaml', reason: 'No server' }] },
  ].map((report) => annotations(report, inRepository));
  expect(texts).toEqual([
    '::error file=bench/sample.yaml,line=1,title=bench sample::Worker 1 died\n',
    '::error file=bench/sample.yaml,line=1,title=bench sample::It was stopped before the end\n',
    '::error file=bench/sample.yaml,line=1,title=bench sample::The server ended\n',
    '::error file=bench/later.yaml,line=1,title=bench later::It was not run: No server\n',
  ]);
});

test('what means something to GitHub is escaped: more of it in a property than in the message', () => {
  const [result] = filledReport(['hot.accepted == 50'], { problems: ['100% of a:b,c\nnext\rlast'] }).results;
  if (result === undefined) throw new Error('a report without a result');
  const scenario = { ...result.scenario, name: 'a:b,c%d\ne', source: 'x:y,z.yaml' };
  const report = { ...filledReport(['hot.accepted == 50']), results: [{ ...result, scenario }] };
  expect(annotations(report, (source) => source)).toBe(
    '::error file=x%3Ay%2Cz.yaml,line=1,title=bench a%3Ab%2Cc%25d%0Ae::100%25 of a:b,c%0Anext%0Alast\n',
  );
});

test('in the log of a job, what looks like a command is text, and all else stays as it is', () => {
  expect(withoutCommands('::error::x\n  ::add-mask::y\nclosed 4000')).toBe(
    '\\u003a:error::x\n  \\u003a:add-mask::y\nclosed 4000',
  );
  const plain = 'a ::b\n## c [d]\n : e: :f\n';
  expect(withoutCommands(plain)).toBe(plain);
});
