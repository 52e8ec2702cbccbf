import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import type { Fault, Sighting } from '../../../src/bench/measure/evidence.js';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { evidenceFor } from '../../../src/bench/report/evidence.js';
import { htmlReport } from '../../../src/bench/report/formats/html.js';
import { junitReport } from '../../../src/bench/report/formats/junit.js';
import { markdownReport } from '../../../src/bench/report/formats/markdown.js';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { parseRule, type Rule } from '../../../src/bench/verdict/rule.js';
import { filledReport, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const COHORTS = ['users', 'others'].map((name) => ({ name, clients: 9, behavior: 'healthy' as const }));
const ruleOf = (text: string) => parseRule(text, ['users', 'others']) as Rule;

/** What is told of a fault of which each cohort has seen two. */
function told(fault: Fault, parts: Partial<Sighting>, rule = `cursors.${fault} == 0`): string[] {
  const measurements = emptyMeasurements(COHORTS);
  for (const { tally } of measurements.cohorts) {
    Object.assign(tally.counters, { expected: 4000, received: 5000, [fault]: 2 });
    tally.evidence.note(fault, 3410, () => ({ client: 7, namespace: 'user:8', cursor: '118', ...parts }));
  }
  return evidenceFor(ruleOf(rule), measurements);
}

describe('of deliveries that went wrong, how many of how many is told, and the first', () => {
  test.each<[Fault, Partial<Sighting>, string]>([
    [
      'lost',
      {},
      '2 of 4,000 deliveries to cohort users were lost. The first, due at 3.41 s: client bench-users-7 of user:8 never got cursor 118.',
    ],
    [
      'duplicated',
      {},
      '2 of 5,000 deliveries to cohort users were duplicated. The first, at 3.41 s: client bench-users-7 of user:8 got cursor 118 again.',
    ],
    [
      'reordered',
      { after: '119' },
      '2 of 5,000 deliveries to cohort users were out of order. The first, at 3.41 s: client bench-users-7 of user:8 got cursor 118 after 119.',
    ],
    [
      'leaked',
      { emittedTo: 'user:9' },
      '2 of 5,000 deliveries to cohort users were leaked from another namespace. The first, at 3.41 s: client bench-users-7 of user:8 got cursor 118, which was emitted to user:9.',
    ],
    [
      'foreign',
      {},
      '2 of 5,002 deliveries to cohort users were not sent by bench. The first, at 3.41 s: client bench-users-7 of user:8 got cursor 118, which bench did not emit.',
    ],
  ])('%s', (fault, parts, text) => {
    expect(told(fault, parts)[0]).toBe(text);
  });

  test('of a cursor that was not kept, that it was too long', () => {
    expect(told('foreign', { cursor: undefined })[0]).toBe(
      '2 of 5,002 deliveries to cohort users were not sent by bench. The first, at 3.41 s: client bench-users-7 of user:8 got a cursor too long to be shown, which bench did not emit.',
    );
  });

  test('of a protocol error, what the server did', () => {
    const rule = 'protocolErrors == 0';
    expect(told('protocolErrors', { breach: 'close code 999 must not be sent' }, rule)[0]).toBe(
      'Cohort users saw 2 protocol errors. The first, at 3.41 s, to client bench-users-7 of user:8: close code 999 must not be sent.',
    );
  });

  test('for the cohorts that the rule is about, and no other rule', () => {
    expect(told('lost', {})).toHaveLength(2);
    expect(told('lost', {}, 'others.cursors.lost == 0')).toEqual([expect.stringMatching(/bench-others-7/)]);
    expect(told('lost', {}, 'cursors.leaked == 0')).toEqual([]);
    expect(told('lost', {}, 'cursors.received == 1')).toEqual([]);
  });
});

describe('the evidence for a rule that did not hold', () => {
  const report = filledReport(['cursors.lost == 0', 'steady.cursors.lost >= 1']);
  const [result] = report.results as [JsonResult];
  const first =
    'The first, due at 3.41 s: client bench-steady-17 of user:18 never got cursor 1700000000000118.';

  test('is in the JSON report, as text and as data, and not for one that held', () => {
    const [failed, held] = result.expectations;
    expect(failed?.evidence).toHaveLength(3);
    expect(failed?.evidence?.[0]).toContain(first);
    expect(held).not.toHaveProperty('evidence');
    expect(result.total.cohorts[0]?.evidence).toEqual([
      { counter: 'lost', atMs: 3410, client: 17, namespace: 'user:18', cursor: '1700000000000118' },
    ]);
    expect(result.total.cohorts[1]).not.toHaveProperty('evidence');
  });

  test.each([
    ['a terminal', terminalReport(result, { colors: new Chalk({ level: 0 }), columns: 80 })],
    ['Markdown', markdownReport(report)],
    ['JUnit XML', junitReport(report)],
    ['HTML', htmlReport(report)],
  ])('is in %s', (_, text) => {
    const lines = text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
    expect(lines.replace(/\s+/g, ' ')).toContain(first);
  });

  test('is that of its phase where the rule is about one', () => {
    const [{ outcomes, scenario }] = [filledResult(['cursors.lost == 0'])];
    const measurements = emptyMeasurements(scenario.cohorts);
    const [cohort] = measurements.cohorts;
    Object.assign(cohort?.tally.counters ?? {}, { lost: 1, expected: 2 });
    const [phase] = scenario.phases;
    const phases = [
      {
        phase: phase as NonNullable<typeof phase>,
        isFinished: true,
        startMs: 0,
        durationMs: 1,
        measurements,
        outcomes,
      },
    ];
    const [{ expectations }] = filledReport(['cursors.lost < 99'], { phases }).results as [JsonResult];
    expect(expectations[0]?.evidence).toEqual(['1 of 2 deliveries to cohort steady was lost.']);
  });
});
