import { describe, expect, test } from 'vitest';
import { readGrant } from '../../../src/server/auth/provider.js';

const NOW_MS = 1_000;

describe('an answer of a provider', () => {
  test.each<[string, unknown, unknown]>([
    ['a namespace', 'user:alice', { namespace: 'user:alice' }],
    ['a grant without an end', { namespace: 'user:alice' }, { namespace: 'user:alice' }],
    ['a grant with an end', { namespace: 'a', expiresAtMs: 1_001 }, { namespace: 'a', expiresAtMs: 1_001 }],
    ['a grant with more in it', { namespace: 'a', role: 'admin' }, { namespace: 'a' }],
  ])('%s lets the client in', (_, answer, grant) => {
    expect(readGrant(answer, NOW_MS)).toEqual(grant);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty namespace', ''],
    ['a number', 42],
    ['true', true],
    ['a list', ['user:alice']],
    ['a function', () => 'user:alice'],
    ['a String object', new String('user:alice')],
    ['a namespace with a newline', 'a\nb'],
    ['a namespace that is too long', 'n'.repeat(256)],
    ['a grant without a namespace', {}],
    ['a grant of an empty namespace', { namespace: '' }],
    ['a grant of a namespace that is no text', { namespace: { toString: () => 'a' } }],
    ['a grant that ended just now', { namespace: 'a', expiresAtMs: NOW_MS }],
    ['a grant that ended long ago', { namespace: 'a', expiresAtMs: -1 }],
    ['an end that is no number', { namespace: 'a', expiresAtMs: NaN }],
    ['an end at infinity', { namespace: 'a', expiresAtMs: Number.POSITIVE_INFINITY }],
    ['an end as a text', { namespace: 'a', expiresAtMs: '9999' }],
    ['an end as a date', { namespace: 'a', expiresAtMs: new Date(9999) }],
    ['an end of null', { namespace: 'a', expiresAtMs: null }],
  ])('%s does not', (_, answer) => {
    expect(readGrant(answer, NOW_MS)).toBeUndefined();
  });

  test('is read once: what was checked is what counts', () => {
    const answers = ['user:alice', 'user:bob'];
    const changing = {
      get namespace() {
        return answers.shift();
      },
    };
    expect(readGrant(changing, NOW_MS)).toEqual({ namespace: 'user:alice' });
  });
});
