import { Chalk } from 'chalk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import { allOutcomes, type RunResult, verdictOf } from '../../../src/bench/model/result.js';
import type { TerminalStyle } from '../../../src/bench/report/formats/terminal.js';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const shown = (result: RunResult, style: TerminalStyle) => terminalReport(asJson(result), style);
const PLAIN = { colors: new Chalk({ level: 0 }), columns: 80 };
const COLOURED = { colors: new Chalk({ level: 1 }), columns: 80 };

const HOLDS = [
  'hot.accepted == 50',
  'hot.closed[4503 "Namespace connection limit reached"] == 10',
  'fanout.p99 < 2s',
];
const FAILS = ['steady.accepted == 999', 'cursors.lost == 0', 'api.latency.p99 < 1ms'];
const DEATH = 'Worker 2 (process 4711) died with SIGKILL';

const results = {
  passed: filledResult(HOLDS),
  failed: filledResult([...HOLDS, ...FAILS], {
    problems: [
      '2 of 122 cursors of "emit to 20 namespaces at 40/s for 3 s" were not taken: the server said no, and it took its time to say so',
    ],
  }),
  invalid: filledResult(HOLDS, { invalid: [DEATH] }),
  aborted: filledResult([...HOLDS, ...FAILS], {
    aborted: true,
    measurements: emptyMeasurements(filledResult(HOLDS).scenario.cohorts),
    workers: [],
    target: { urls: ['ws://127.0.0.1:3001/datafn/ws', 'ws://127.0.0.1:3002/datafn/ws'], isOwn: false },
  }),
} satisfies Record<string, RunResult>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours are what is looked for
const ESCAPE = /\u001b\[[\d;]*m/g;

describe.each(Object.entries(results))('a result that is %s', (verdict, result) => {
  test('says so', () => {
    expect(verdictOf(result)).toBe(verdict);
    expect(shown(result, PLAIN).split('\n')[0]).toBe(`${verdict.toUpperCase()} sample`);
  });

  test('looks like this at 80 columns without colour', async () => {
    await expect(shown(result, PLAIN)).toMatchFileSnapshot(`golden/${verdict}.txt`);
  });

  test('has no line over 80 columns', () => {
    for (const line of linesOf(shown(result, PLAIN))) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('says the same with colour as without', () => {
    const coloured = shown(result, COLOURED);
    expect(coloured).toMatch(ESCAPE);
    expect(coloured.replaceAll(ESCAPE, '')).toBe(shown(result, PLAIN));
  });

  test('has a sign and the actual value beside every rule', () => {
    const lines = shown(result, PLAIN).split('\n');
    for (const { expectation, passed, shown: actual, isReached } of allOutcomes(result)) {
      const line = lines.find((one) => one.includes(expectation.text));
      expect(line).toContain(`${passed ? '✓' : isReached ? '✗' : '–'} ${expectation.text}`);
      expect(line?.endsWith(`  ${actual}`)).toBe(true);
    }
  });
});

describe('the verdict', () => {
  test('of an aborted run is aborted, whatever else it is', () => {
    expect(verdictOf(filledResult(FAILS, { aborted: true, invalid: ['x'], problems: ['y'] }))).toBe(
      'aborted',
    );
  });

  test('of an invalid run is neither passed nor failed', () => {
    expect(verdictOf(filledResult(HOLDS, { invalid: ['x'] }))).toBe('invalid');
    expect(verdictOf(filledResult(FAILS, { invalid: ['x'] }))).toBe('invalid');
  });

  test('is failed by a single rule that does not hold, and by a problem beside the rules', () => {
    expect(verdictOf(filledResult([...HOLDS, 'cursors.lost == 0']))).toBe('failed');
    expect(verdictOf(filledResult(HOLDS, { problems: ['the server ended'] }))).toBe('failed');
    expect(verdictOf(filledResult(HOLDS))).toBe('passed');
  });
});

describe('long texts', () => {
  test('of rules, reasons and problems do not make a line longer than the terminal is wide', () => {
    const result = filledResult(
      [
        'hot.closed[4503 "A reason that somebody else’s server gives at great length, as some do"] == 10',
        'steady.closed[4503 "Namespace connection limit reached"] == 123_456_789',
      ],
      { problems: [`${'word '.repeat(60)}end`] },
    );
    result.measurements.cohorts[0]?.tally.closed.count(`4000 ${'because '.repeat(12).trim()}`, 3);
    for (const line of linesOf(shown(result, PLAIN))) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('every word of a problem is there', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1, maxLength: 40 }), (words) => {
        const report = shown(filledResult(HOLDS, { problems: [words.join(' ')] }), PLAIN);
        const said = report.slice(report.indexOf('  ! ') + 4).split(/\s+/);
        expect(said.slice(0, words.length)).toEqual(words);
      }),
      { numRuns: 20 },
    );
  });
});

/** Every line but the command to run it again, which is to be copied in one piece. */
function linesOf(report: string): string[] {
  return report.split('\n').filter((line) => !line.startsWith('  rerun: '));
}

test('texts of the server cannot control the terminal', () => {
  const result = filledResult(HOLDS);
  result.measurements.cohorts[0]?.tally.closed.count('4000 \u001b[2J\rgone\nnext', 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(shown(result, PLAIN)).not.toMatch(/[\u001b\r]/);
});
