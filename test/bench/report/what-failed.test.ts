import { Chalk } from 'chalk';
import { expect, test } from 'vitest';
import { asJson, filledResult } from '../filled.js';
import { terminalReport } from '../rendered.js';

const PLAIN = { colors: new Chalk({ level: 0 }), columns: 80 };

/** The sections of a report by their titles, in order, each in one line. */
function sections(rules: readonly string[], parts: Parameters<typeof filledResult>[1] = {}) {
  const text = terminalReport(asJson(filledResult(rules, parts)), PLAIN);
  return text
    .trimEnd()
    .split('\n\n')
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [title, lines.map((line) => line.trim()).join(' ')] as const;
    });
}

test('the report of a run that failed ends with what failed and what that usually means, not with CPU', () => {
  const [[title, text], [again]] = sections(['hot.accepted == 50', 'cursors.leaked == 0']).slice(-2) as [
    readonly [string, string],
    readonly [string, string],
  ];
  expect(title).toBe('What failed, and why');
  expect(text).toContain('✗ cursors.leaked == 0');
  expect(text).toContain('What it usually means: Clients received cursors of another namespace');
  expect(text).not.toContain('hot.accepted');
  expect(again).toMatch(/^ {2}rerun: npx datafn-ws bench /);
});

test('the report of a run that passed says nothing of the kind', () => {
  const titles = sections(['hot.accepted == 50']).map(([title]) => title);
  expect(titles).not.toContain('What failed, and why');
});

test('why a result says nothing about the server is at the end, too', () => {
  const invalid = sections(['cursors.lost == 0'], { invalid: ['Worker 2 died'] }).at(-2);
  expect(invalid).toEqual(['  ! Worker 2 died', '']);
  const failed = sections(['hot.accepted == 50'], { problems: ['The server ended'] }).at(-2);
  expect(failed).toEqual(['  ! The server ended', '']);
});

test('rules that do not hold for the same reason are told together, their reason once', () => {
  const rules = ['hot.accepted == 51', 'hot.closed[4503] == 9', 'silent.accepted == 51'];
  const [, text = ''] = sections(rules).at(-2) ?? [];
  expect(text.match(/What it usually means/g)).toHaveLength(1);
  expect(text.match(/✗/g)).toHaveLength(3);
  expect(text).toContain('10 connections in cohort hot were refused with 4503 Namespace connection limit');
});
