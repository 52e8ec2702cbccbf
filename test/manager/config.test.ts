import { describe, expect, test } from 'vitest';
import { DEFAULT_WS_MANAGER_CONFIG, resolveManagerConfig } from '../../src/manager/config.js';
import type { WsManagerConfig } from '../../src/manager/types.js';
import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { DatafnWsError } from '../../src/protocol/errors.js';

const LIMITS = ['maxConnections', 'maxConnectionsPerNamespace'] as const;
const DELAYS = ['heartbeatIntervalMs', 'heartbeatTimeoutMs'] as const;
const LONGEST_TIMER_MS = 2_147_483_647;

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown');
}

describe('what a config is completed to', () => {
  test('the defaults are those of the DataFn reference, for no config and for an empty one', () => {
    const defaults = {
      maxConnections: 10_000,
      maxConnectionsPerNamespace: 100,
      heartbeatIntervalMs: 30_000,
      heartbeatTimeoutMs: 10_000,
      cursorTargeting: false,
    };
    expect(DEFAULT_WS_MANAGER_CONFIG).toEqual(defaults);
    expect(resolveManagerConfig()).toEqual(defaults);
    expect(resolveManagerConfig({})).toEqual(defaults);
  });

  test.each([...LIMITS, ...DELAYS])('an undefined %s means the default', (key) => {
    expect(resolveManagerConfig({ [key]: undefined })).toEqual(DEFAULT_WS_MANAGER_CONFIG);
  });

  test.each([...LIMITS, ...DELAYS])('%s is taken, 0 included, and leaves the others alone', (key) => {
    expect(resolveManagerConfig({ [key]: 7 })).toEqual({ ...DEFAULT_WS_MANAGER_CONFIG, [key]: 7 });
    expect(resolveManagerConfig({ [key]: 0 })).toEqual({ ...DEFAULT_WS_MANAGER_CONFIG, [key]: 0 });
  });

  test.each(LIMITS)('%s may be Infinity', (key) => {
    expect(resolveManagerConfig({ [key]: Number.POSITIVE_INFINITY })[key]).toBe(Number.POSITIVE_INFINITY);
  });

  test.each(DELAYS)('%s may be the longest delay of a timer, and a fraction', (key) => {
    expect(resolveManagerConfig({ [key]: LONGEST_TIMER_MS })[key]).toBe(LONGEST_TIMER_MS);
    expect(resolveManagerConfig({ [key]: 0.5 })[key]).toBe(0.5);
  });

  test('the result is frozen, and neither it nor the defaults follow the config that was given', () => {
    const config: WsManagerConfig = { maxConnections: 5 };
    const resolved = resolveManagerConfig(config);
    config.maxConnections = 6;
    expect(resolved.maxConnections).toBe(5);
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(Object.isFrozen(DEFAULT_WS_MANAGER_CONFIG)).toBe(true);
  });

  test('keys that are not known do not get in', () => {
    const config: object = { maxConections: 5 };
    expect(resolveManagerConfig(config)).toEqual(DEFAULT_WS_MANAGER_CONFIG);
  });
});

describe('what is refused', () => {
  const nobodysNumber = [Number.NaN, -1, Number.NEGATIVE_INFINITY, '10', null, true, {}, [10], 10n];

  test.each(LIMITS.flatMap((key) => [...nobodysNumber, 1.5, 2 ** 53].map((value) => ({ key, value }))))(
    '$key: $value is refused with a message that names it',
    ({ key, value }) => {
      const error = thrownBy(() => resolveManagerConfig({ [key]: value }));
      expect(error).toBeInstanceOf(DatafnWsError);
      expect(error).toMatchObject({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(
          new RegExp(`^Expected \`${key}\` to be a whole number of at least 0, or Infinity, got .+`),
        ),
      });
    },
  );

  test.each(
    DELAYS.flatMap((key) =>
      [...nobodysNumber, Number.POSITIVE_INFINITY, LONGEST_TIMER_MS + 1].map((value) => ({ key, value })),
    ),
  )('$key: $value is refused with a message that names it', ({ key, value }) => {
    const error = thrownBy(() => resolveManagerConfig({ [key]: value }));
    expect(error).toBeInstanceOf(DatafnWsError);
    expect(error).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(
        new RegExp(`^Expected \`${key}\` to be a number of milliseconds from 0 to 2147483647, got .+`),
      ),
    });
  });

  test('the message says what was given', () => {
    expect(thrownBy(() => resolveManagerConfig({ maxConnections: -1 }))).toMatchObject({
      message: 'Expected `maxConnections` to be a whole number of at least 0, or Infinity, got -1',
    });
  });

  test('a manager with a bad config throws at construction', () => {
    expect(() => new WebSocketManager({ heartbeatTimeoutMs: -5 })).toThrow(DatafnWsError);
  });
});

test.each<[string, unknown[]]>([
  ['logger', [{}, null]],
  ['logger', [{}, { info() {} }]],
  ['clock', [{}, undefined, {}]],
])('a `%s` that is none, or half of one, throws at construction and is named: %j', (name, args) => {
  expect(() => new WebSocketManager(...(args as []))).toThrow(`Expected \`${name}\` to be an object with`);
});
