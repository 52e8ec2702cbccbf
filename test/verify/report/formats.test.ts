import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { terminalReport, verdictLine } from '../../../src/bench/report/formats/terminal.js';
import { hasFailed, type Standing, standingOf } from '../../../src/verify/model/result.js';
import { verifyDocument } from '../../../src/verify/report/document.js';
import { FORMATS } from '../../../src/verify/report/formats.js';
import { junitErrors } from '../../support/xml.js';
import { clause, FAILED, MIXED, PASSED, resultOf, SKIPPED } from './results.js';

describe('what a clause means for the verdict', () => {
  test.each<[string, ReturnType<typeof clause>, Standing, Standing]>([
    ['a MUST that fails', clause('auth/1', 'MUST', FAILED), 'failed', 'failed'],
    ['a SHOULD that fails', clause('auth/1', 'SHOULD', FAILED), 'warned', 'failed'],
    ['a MAY that fails', clause('auth/1', 'MAY', FAILED), 'absent', 'absent'],
    ['one that passes', clause('auth/1', 'MUST', PASSED), 'passed', 'passed'],
    ['one that is skipped', clause('auth/1', 'MUST', SKIPPED, true), 'skipped', 'skipped'],
    [
      'one that fails as expected',
      clause('auth/1', 'MUST', FAILED, true),
      'expected failure',
      'expected failure',
    ],
    [
      'one that passes unexpectedly',
      clause('auth/1', 'MAY', PASSED, true),
      'unexpected pass',
      'unexpected pass',
    ],
  ])('%s', (_, one, standing, strict) => {
    expect([standingOf(one, false), standingOf(one, true)]).toEqual([standing, strict]);
    const failing = ['failed', 'unexpected pass'];
    expect(hasFailed(resultOf(one), false)).toBe(failing.includes(standing));
    expect(hasFailed(resultOf(one), true)).toBe(failing.includes(strict));
  });
});

describe('the report', () => {
  test('on a terminal', async () => {
    const style = { colors: new Chalk({ level: 0 }), columns: 80 };
    const document = verifyDocument(MIXED, false);
    const text = `${terminalReport(document, style)}\n${verdictLine(document, style)}`;
    await expect(text).toMatchFileSnapshot('golden/mixed.txt');
  });

  test('as Markdown', async () => {
    await expect(FORMATS.markdown({ result: MIXED, isStrict: false })).toMatchFileSnapshot('golden/mixed.md');
  });

  test('as JUnit XML is valid, and counts what failed', async () => {
    const xml = FORMATS.junit({ result: MIXED, isStrict: false });
    expect(await junitErrors(xml)).toEqual([]);
    expect(xml).toContain('<testsuites name="datafn-ws verify" tests="8" failures="2" errors="0"');
    expect(FORMATS.junit({ result: MIXED, isStrict: true })).toContain('failures="3"');
    expect(xml).toContain('Got: an open connection (81 05 48 65 6c 6c 6f)');
  });

  test('as JSON has every clause with its outcome and its standing', () => {
    const json = JSON.parse(FORMATS.json({ result: MIXED, isStrict: false }));
    expect(json).toMatchObject({ version: 1, verdict: 'failed', trigger: 'api', durationMs: 12_345 });
    expect(json.clauses).toHaveLength(MIXED.clauses.length);
    expect(json.clauses[0]).toMatchObject({
      id: 'auth/1',
      outcome: 'failed',
      standing: 'failed',
      failure: { expected: 'a close with 4401' },
    });
    expect(json.clauses[3]).toMatchObject({ outcome: 'skipped', remedy: '--limits namespace=N' });
  });

  test('as a page escapes what is in it', () => {
    const page = FORMATS.html({ result: MIXED, isStrict: false });
    expect(page).toContain('What auth/1 says &lt;b&gt;|.');
    expect(page).not.toContain('<b>|');
  });

  test('of a run that was stopped says so', () => {
    const document = verifyDocument({ ...MIXED, isAborted: true }, false);
    expect(document.verdict).toBe('aborted');
  });
});
