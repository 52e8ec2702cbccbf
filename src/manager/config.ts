import { DatafnWsError } from '../protocol/errors.js';
import { describe } from '../protocol/identifiers.js';
import { MAX_TIMER_MS } from '../protocol/units.js';
import type { WsManagerConfig } from './types.js';

/** The limits and times that hold where a {@link WsManagerConfig} is silent. Source: the DataFn reference. */
export const DEFAULT_WS_MANAGER_CONFIG: Readonly<Required<WsManagerConfig>> = Object.freeze({
  maxConnections: 10_000,
  maxConnectionsPerNamespace: 100,
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 10_000,
});

const isLimit = (value: unknown) =>
  value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) >= 0);
const isDelay = (value: unknown) =>
  Number.isFinite(value) && Number(value) >= 0 && Number(value) <= MAX_TIMER_MS;

const RULES = {
  maxConnections: { valid: isLimit, expected: 'a whole number of at least 0, or Infinity' },
  maxConnectionsPerNamespace: { valid: isLimit, expected: 'a whole number of at least 0, or Infinity' },
  heartbeatIntervalMs: { valid: isDelay, expected: `a number of milliseconds from 0 to ${MAX_TIMER_MS}` },
  heartbeatTimeoutMs: { valid: isDelay, expected: `a number of milliseconds from 0 to ${MAX_TIMER_MS}` },
} as const;

/**
 * Completes and checks a config.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value out of range.
 */
export function resolveManagerConfig(config: WsManagerConfig = {}): Readonly<Required<WsManagerConfig>> {
  if (typeof config !== 'object' || config === null) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected the config to be an object, got ${describe(config)}`,
    );
  }
  const resolved = { ...DEFAULT_WS_MANAGER_CONFIG };
  for (const key of Object.keys(RULES) as (keyof typeof RULES)[]) {
    const value = config[key];
    if (value === undefined) continue;
    if (!RULES[key].valid(value)) {
      throw new DatafnWsError(
        'ERR_INVALID_OPTION',
        `Expected \`${key}\` to be ${RULES[key].expected}, got ${describe(value)}`,
      );
    }
    resolved[key] = value;
  }
  return Object.freeze(resolved);
}
