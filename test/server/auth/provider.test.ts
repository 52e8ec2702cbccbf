import { stat } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { askProvider, type ConnectRequest, readGrant } from '../../../src/server/auth/provider.js';
import { RecordingLogger } from '../../support/recording-logger.js';

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
    ['a grant that ended just now', { namespace: 'a', expiresAtMs: NOW_MS }],
    ['a grant that ended long ago', { namespace: 'a', expiresAtMs: -1 }],
  ])('%s does not', (_, answer) => {
    expect(readGrant(answer, NOW_MS)).toBeUndefined();
  });

  const ANSWER =
    'the answer to be a namespace, { namespace, actorId, principalIds, expiresAtMs } or nothing, got';
  const NAMESPACE = 'the namespace of the answer to be';
  const END = 'the expiresAtMs of the answer to be a finite number of milliseconds, got';
  test.each<[string, unknown, string]>([
    ['an empty namespace', '', `${NAMESPACE} a non-empty string, got an empty one`],
    ['a number', 42, `${ANSWER} 42`],
    ['true', true, `${ANSWER} true`],
    ['a list', ['user:alice'], `${ANSWER} an array`],
    ['a function', () => 'user:alice', `${ANSWER} a function`],
    ['a String object', new String('user:alice'), `${NAMESPACE} a string, got undefined`],
    ['a namespace with a newline', 'a\nb', `${NAMESPACE} free of control characters, got one`],
    ['a namespace that is too long', 'n'.repeat(256), `${NAMESPACE} at most 255 characters, got 256`],
    ['a grant without a namespace', {}, `${NAMESPACE} a string, got undefined`],
    ['a grant of an empty namespace', { namespace: '' }, `${NAMESPACE} a non-empty string, got an empty one`],
    [
      'a grant of a namespace that is no text',
      { namespace: { toString: () => 'a' } },
      `${NAMESPACE} a string, got an object`,
    ],
    ['an end that is no number', { namespace: 'a', expiresAtMs: NaN }, `${END} NaN`],
    ['an end at infinity', { namespace: 'a', expiresAtMs: Number.POSITIVE_INFINITY }, `${END} Infinity`],
    ['an end as a text', { namespace: 'a', expiresAtMs: '9999' }, `${END} "9999"`],
    ['an end as a date', { namespace: 'a', expiresAtMs: new Date(9999) }, `${END} an object`],
    ['an end of null', { namespace: 'a', expiresAtMs: null }, `${END} null`],
  ])('%s is a mistake of the provider', (_, answer, expected) => {
    expect(() => readGrant(answer, NOW_MS)).toThrow(new Error(`expected ${expected}`));
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

test('an answer that came in time counts, even if this process stood still until after the deadline', async () => {
  const logger = new RecordingLogger();
  const provider = () =>
    new Promise<string>((resolve) => {
      stat('.', () => resolve('user:alice'));
    });
  const decision = askProvider(provider, {} as ConnectRequest, { timeoutMs: 20, logger });
  const untilMs = performance.now() + 100;
  while (performance.now() < untilMs);
  expect(await decision).toEqual({ namespace: 'user:alice' });
  expect(logger.warnings).toEqual([]);
});
