import { expect, test } from 'vitest';
import type { FindResult } from '../../../src/bench/report/find-schema.js';
import { limitText } from '../../../src/bench/report/limit-text.js';

const step = { load: 4000 } as FindResult['steps'][number];
const found = (given: Partial<FindResult>) =>
  limitText({ of: 'clients', from: 100, steps: [step], ...given } as FindResult);
const brokenBy = { rule: 'fanout.p99 < 1s', shown: '2 s' } as FindResult['brokenBy'];

test.each<[string, Partial<FindResult>, string]>([
  [
    'a limit, and the rule that broke above it',
    { end: 'found', limit: 3000, broke: 3200, brokenBy },
    '3,000 clients; 3,200 broke `fanout.p99 < 1s`',
  ],
  [
    'a limit below the one that was asked for',
    { end: 'found', limit: 3000, broke: 3200, atLeast: 5000 },
    '3,000 clients, below --at-least 5,000; 3,200 broke a rule',
  ],
  ['no load that held twice', { end: 'unsteady' }, 'no load held twice'],
  [
    'a limit that moves',
    { end: 'unsteady', limit: 3000, broke: 3200 },
    'about 3,000 clients, but not steadily; 3,200 broke a rule',
  ],
  ['no limit up to --to', { end: 'top', limit: 4000 }, 'at least 4,000 clients, the most that was asked for'],
  [
    'a load generator that was too weak at once',
    { end: 'generator' },
    'the load generator was the bottleneck at 4,000 clients already',
  ],
  [
    'a load generator that became too weak',
    { end: 'generator', limit: 2000 },
    'at least 2,000 clients; at 4,000 clients the load generator was the bottleneck',
  ],
  [
    'no load that held',
    { end: 'none', broke: 100, brokenBy },
    'no load held: 100 clients broke `fanout.p99 < 1s`',
  ],
  ['a server that was gone at once', { end: 'gone' }, 'the server was gone at 4,000 clients'],
  [
    'a server that was gone later',
    { end: 'gone', limit: 2000 },
    'the server was gone at 4,000 clients, after 2,000 clients held',
  ],
  ['a search that was stopped at once', { end: 'stopped' }, 'stopped before any load held'],
  [
    'a search that was stopped later',
    { end: 'stopped', limit: 2000, broke: 3000 },
    'stopped when 2,000 clients had held and 3,000 had not',
  ],
])('what a search found is told in words: %s', (_, find, text) => {
  expect(found(find)).toBe(text);
});
