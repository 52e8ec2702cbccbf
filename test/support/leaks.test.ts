import { describe, expect, test } from 'vitest';
import { leaksIn } from './leaks.js';

const SECRET = 'q7/Zk+2m "Xw9=uLr';

describe('a secret is found', () => {
  test.each<[string, string]>([
    ['as it is', SECRET],
    ['in part', SECRET.slice(3, 11)],
    ['in a URL', `/ws?token=${encodeURIComponent(SECRET)}`],
    ['in a URL in a URL', encodeURIComponent(encodeURIComponent(SECRET))],
    ['in JSON', JSON.stringify({ token: SECRET })],
    ['as base64', Buffer.from(SECRET).toString('base64')],
    ['as base64url', Buffer.from(SECRET).toString('base64url')],
    ['in base64 of more', Buffer.from(`user:${SECRET}`).toString('base64')],
    ['in hex', Buffer.from(SECRET).toString('hex')],
    ['far into a long text', `${'x'.repeat(100_000)}${SECRET}`],
    ['behind another finding', `a\n${SECRET}`],
  ])('%s', (_, text) => {
    expect(leaksIn(`before\n${text}\nafter`, ['something-else-entirely', SECRET])).toHaveLength(1);
  });

  test('in each line where it is', () => {
    expect(leaksIn(`${SECRET}\nclean\n${SECRET} and ${SECRET}`, [SECRET])).toHaveLength(2);
  });
});

test('what has less than eight characters of it is clean', () => {
  expect(leaksIn(`user:alice ${SECRET.slice(0, 7)} ${SECRET.slice(7, 14)}`, [SECRET])).toEqual([]);
});
