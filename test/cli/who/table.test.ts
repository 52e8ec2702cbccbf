import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { whoTable } from '../../../src/cli/who/table.js';

const PLAIN = new Chalk({ level: 0 });
const rows = [
  { namespace: `tenant:${'x'.repeat(60)}`, connections: 12_345 },
  { namespace: 'user:alice', connections: 1 },
];

describe('the table of namespaces', () => {
  test('has a line a namespace in a pipe, whatever its length', () => {
    expect(whoTable(rows, PLAIN, undefined).split('\n')).toEqual([
      `namespace${' '.repeat(60)}clients`,
      `tenant:${'x'.repeat(60)}   12,345`,
      `user:alice${' '.repeat(65)}1`,
      '',
      '12,346 clients in 2 namespaces',
      '',
    ]);
  });

  test.each([20, 40, 80, 200])('keeps to %i columns, and loses nothing of a name', (columns) => {
    const lines = whoTable(rows, PLAIN, columns).split('\n\n')[0]?.split('\n') ?? [];
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.join('').replace(/\s|12,345/g, '')).toContain(`tenant:${'x'.repeat(60)}`);
  });

  test('shows controls in a name instead of obeying them', () => {
    const shown = whoTable([{ namespace: 'a\u001b[2J\u202e', connections: 1 }], PLAIN, 80);
    expect(shown).toContain('a\\u001b[2J\\u202e');
    expect(shown).not.toContain('\u001b');
  });

  test('has the thousand with the most clients, and counts the rest', () => {
    const many = Array.from({ length: 400_000 }, (_, index) => ({
      namespace: `user:${index}`,
      connections: 1,
    }));
    const lines = whoTable(many, PLAIN, undefined).trimEnd().split('\n');
    expect(lines).toHaveLength(1004);
    expect(lines.slice(-3)).toEqual([
      '… and 399,000 more namespaces; --json lists all',
      '',
      '400,000 clients in 400,000 namespaces',
    ]);
  });

  test('of nothing is a sentence', () => {
    expect(whoTable([], PLAIN, 80)).toBe('no clients are connected\n');
  });
});
