import { describe, expect, test } from 'vitest';
import { beatText, nodeMessageText, readMessage } from '../../src/backplane/redis/messages.js';
import { RECORD } from '../../src/backplane/redis/scripts.js';
import { redisBackplane } from '../../src/backplane/redis.js';

const NODE = '20bc7753-3fe9-4d47-80a1-5278cd30e550';
const from = { node: NODE, sequence: 7 };
const written = (kind: string, ...rest: readonly unknown[]) => [kind, NODE, 7, ...rest].join(RECORD);
const kick = (value: unknown) =>
  written('kick', 3, typeof value === 'string' ? value : JSON.stringify(value));

describe('a message of the channel', () => {
  test('is read as it was written', () => {
    const beat = { version: '1.2.3', connections: 5, count: 2 };
    expect(readMessage(written('beat', beatText(beat)))).toEqual({ ...from, kind: 'beat', ...beat });
    const asked = { kind: 'kick', request: 3, kick: { namespace: 'a', code: 4403, reason: 'Go' } } as const;
    expect(readMessage(written('kick', nodeMessageText(asked)))).toEqual({ ...from, ...asked });
    const done = { kind: 'kicked', request: 3, to: NODE, closed: 9 } as const;
    expect(readMessage(written('kicked', nodeMessageText(done)))).toEqual({ ...from, ...done });
  });

  test.each([
    ['a beat without counts', written('beat', '1.2.3')],
    ['a beat with a count below none', written('beat', '1.2.3', 5, -1)],
    ['a beat with an endless version', written('beat', 'x'.repeat(65), 5, 2)],
    ['a kick that is no JSON', kick('{')],
    ['a kick that is no object', kick('null')],
    ['a kick of nobody', kick({ code: 4403 })],
    ['a kick with a code that must not be sent', kick({ namespace: 'a', code: 1005 })],
    ['an answer to nobody', written('kicked', 3, 'somebody', 9)],
    ['an unknown kind', written('dance', 1)],
    ['a stranger', ['leave', 'somebody', 7].join(RECORD)],
  ])('that no node sends is ignored: %s', (_, text) => {
    expect(readMessage(text)).toBeUndefined();
  });
});

test('a certificate to trust needs an engine over TLS', () => {
  expect(() => redisBackplane({ url: 'redis://127.0.0.1:1', ca: 'pem' })).toThrow(
    'Expected `ca` only with a `url` that begins with rediss://',
  );
});
