import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements, type Measurements } from '../../../src/bench/measure/measurements.js';
import type { Tally } from '../../../src/bench/measure/tally.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import { jsonReport } from '../../../src/bench/report/json.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const ALL = { opened: 1000, attempts: 1000 };

/** A run in which this became of the 1,000 clients of `steady`, and of the 60 of `hot`. */
function run(
  rules: readonly string[],
  steady: (tally: Tally) => void,
  hot: (tally: Tally) => void = () => {},
) {
  const measurements: Measurements = emptyMeasurements(filledResult(rules).scenario.cohorts);
  const [one, other] = measurements.cohorts.map(({ tally }) => tally);
  Object.assign(one?.counters ?? {}, ALL);
  Object.assign(other?.counters ?? {}, { opened: 60, attempts: 60 });
  steady(one as Tally);
  hot(other as Tally);
  const { scenario } = filledResult(rules);
  // It came to its end: what has no sample did not happen.
  const phases = scenario.phases.map((phase) => ({
    ...{ phase, measurements, isFinished: true, startMs: 0, durationMs: 1, outcomes: [] },
  }));
  return asJson(filledResult(rules, { measurements, phases }));
}

const evidence = ({ expectations }: JsonResult) => expectations.map((one) => one.evidence ?? []);

describe('a rule that does not hold because clients were refused says how many, why, and what lets them in', () => {
  test.each<[string, (tally: Tally) => void, string]>([
    [
      'by the limit of a namespace',
      ({ closed }) => closed.count('4503 Namespace connection limit reached', 12),
      "12 connections in cohort steady were refused with 4503 Namespace connection limit reached. To let them in, raise the server's --max-connections-per-namespace, or spread the clients over more namespaces.",
    ],
    [
      'by the limit of the server, one',
      ({ closed }) => closed.count('4503 Connection limit reached'),
      "1 connection in cohort steady was refused with 4503 Connection limit reached. To let it in, raise the server's --max-connections, or connect fewer clients.",
    ],
    [
      'by a limit in other words',
      ({ closed }) => closed.count('4503 no room', 2),
      "2 connections in cohort steady were refused with 4503 no room. To let them in, raise the server's connection limit, or connect fewer clients.",
    ],
    [
      'for their tokens',
      ({ closed }) => closed.count('4401 Unauthorized', 1000),
      '1,000 connections in cohort steady were refused with 4401 Unauthorized. To let them in, give each client a token that the server accepts, with --token-template, --tokens-file or --jwt-secret.',
    ],
  ])('%s', (_, refuse, sentence) => {
    const [found] = evidence(run(['steady.accepted == 1000', 'steady.open == 0'], refuse));
    expect(found).toEqual([sentence]);
  });

  test.each<[string, (tally: Tally) => void, RegExp]>([
    [
      'HTTP 404',
      (tally) => tally.rejected.count('404', 5),
      /^5 .* were answered with HTTP 404\. .*path in --url\.$/,
    ],
    ['HTTP 301', (tally) => tally.rejected.count('301', 5), /HTTP 301\. .*the address it redirects to\.$/],
    ['HTTP 401', (tally) => tally.rejected.count('401', 5), /HTTP 401\. .*--token-template/],
    [
      'HTTP 503',
      (tally) => tally.rejected.count('503', 5),
      /HTTP 503\. .*lower rate: the server is overloaded/,
    ],
    ['HTTP 418', (tally) => tally.rejected.count('418', 5), /HTTP 418\.$/],
    [
      'no server',
      (tally) => tally.errors.count('ECONNREFUSED', 5),
      /ended by ECONNREFUSED\. .*server is running/,
    ],
    ['no descriptors', (tally) => tally.errors.count('EMFILE', 5), /EMFILE\. .*ulimit -n\.$/],
    [
      'no answer',
      (tally) => {
        tally.counters.timeouts = 5;
      },
      /^5 .* were not answered in time\. .*lower rate/,
    ],
  ])('by %s', (_, refuse, sentence) => {
    const [found] = evidence(
      run(['steady.opened == 1000'], (tally) => {
        refuse(tally);
        tally.counters.opened = 900;
      }),
    );
    expect(found).toHaveLength(1);
    expect(found?.[0]).toMatch(sentence);
  });

  test('where nobody was let in, of a rule about durations as well', () => {
    const refuse = (tally: Tally) => tally.closed.count('4401 Unauthorized', tally.counters.opened);
    expect(evidence(run(['fanout.p99 < 2s', 'steady.fanout.p99 < 2s'], refuse))).toEqual([
      [expect.stringContaining('1,000 connections in cohort steady')],
      [expect.stringContaining('1,000 connections in cohort steady')],
    ]);
  });

  test('of a rule about a code, those with the code alone', () => {
    const [found] = evidence(
      run(['steady.closed[4503] == 2'], ({ closed }) => {
        closed.count('4503 Connection limit reached', 3);
        closed.count('4401 Unauthorized', 4);
      }),
    );
    expect(found).toEqual([expect.stringMatching(/^3 connections .* 4503/)]);
  });
});

describe('nothing is said of refusals', () => {
  const limit = (count: number) => (tally: Tally) =>
    tally.closed.count('4503 Connection limit reached', count);

  test('that the scenario asks for, and got', () => {
    const rules = ['accepted == 1060', 'hot.closed[4503] == 10'];
    const [found] = evidence(run(rules, limit(5), limit(10)));
    expect(found).toEqual([expect.stringContaining('5 connections in cohort steady')]);
  });

  test('by a rule that holds, or one that there were too few of', () => {
    const rules = ['steady.accepted == 995', 'steady.accepted == 900', 'steady.closed[4503] == 6'];
    expect(evidence(run(rules, limit(5)))).toEqual([[], [], []]);
  });

  test('that are none: a client that was let in and closed later', () => {
    const close = ({ closed }: Tally) => closed.count('1001 Heartbeat timeout', 5);
    expect(evidence(run(['steady.open == 1000', 'steady.closed == 0'], close))).toEqual([[], []]);
  });
});

test('every format says why clients were refused', () => {
  const result = run(['steady.accepted == 1000'], ({ closed }) => closed.count('4401 Unauthorized', 7));
  const report = jsonReport([result], []);
  const terminal = terminalReport(result, { colors: new Chalk({ level: 0 }), columns: 80 });
  for (const text of [terminal, markdownReport(report), htmlReport(report), junitReport(report)])
    expect(text.replace(/\s+/g, ' ')).toContain(
      '7 connections in cohort steady were refused with 4401 Unauthorized',
    );
});
