import { describe, expect, test } from 'vitest';
import { parseHeartbeat, parseLimits } from '../../src/options/verify.js';
import { CLAUSES } from '../../src/verify/clauses/index.js';
import { GROUPS, groupOf } from '../../src/verify/model/result.js';
import { parseExpectedFailures, selectClauses } from '../../src/verify/selection.js';

const ids = (...names: readonly string[]) => selectClauses(names).map(({ id }) => id);

describe('the clauses', () => {
  test('have ids of their own, in a known group, together with its others', () => {
    const all = CLAUSES.map(({ id }) => id);
    expect(new Set(all).size).toBe(all.length);
    for (const id of all) expect(GROUPS).toContain(groupOf(id));
    const order = all.map(groupOf).filter((group, index, groups) => group !== groups[index - 1]);
    expect(order).toEqual([...GROUPS]);
  });

  test.each(CLAUSES)('$id is a sentence with a source', ({ sentence, source }) => {
    expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(source).toMatch(/^(DataFn reference|observed|RFC \d{4} section [\d.]+)$/);
  });
});

describe('--only', () => {
  test('takes clauses and groups, and keeps their order', () => {
    expect(ids('auth/2', 'auth/1')).toEqual(['auth/1', 'auth/2']);
    expect(ids('hello/*')).toEqual(ids('hello'));
    expect(ids()).toHaveLength(CLAUSES.length);
  });

  test.each(['auth/99', 'autt', 'cursor/0'])('refuses %s', (name) => {
    expect(() => ids(name)).toThrow(/Expected --only to name a clause or a group, got .* verify --list/);
  });
});

describe('a list of expected failures', () => {
  test('has an id per line, comments and empty lines', () => {
    const text = '# our proxy\nauth/1   # asks later\r\n\n  cursor/3\n';
    expect([...parseExpectedFailures(text, 'file')]).toEqual(['auth/1', 'cursor/3']);
  });

  test.each([
    ['auth', 'expected.txt:1'],
    ['auth/1\ncursor/111', 'expected.txt:2'],
  ])('with another name is refused, with its line: %j', (text, place) => {
    expect(() => parseExpectedFailures(text, 'expected.txt')).toThrow(`Expected ${place} to name a clause`);
  });
});

describe('limits and heartbeats', () => {
  test.each([
    ['namespace=10,global=500', { namespace: 10, global: 500 }],
    ['global=1_000', { global: 1000 }],
  ])('%s', (text, value) => {
    expect(parseLimits(text)).toEqual({ ok: true, value });
  });

  test.each(['', '10', 'namespace', 'namespace=0', 'namespace=x', 'other=1'])('refuses limits %j', (text) => {
    expect(parseLimits(text).ok).toBe(false);
  });

  test('30s/500ms', () => {
    expect(parseHeartbeat('30s/500ms')).toEqual({ ok: true, value: { intervalMs: 30_000, timeoutMs: 500 } });
  });

  test.each(['', '30s', '30/10', '0/1s', '1s/0', '1s/1s/1s'])('refuses a heartbeat %j', (text) => {
    expect(parseHeartbeat(text).ok).toBe(false);
  });
});
