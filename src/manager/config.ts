import { BOOLEAN, checkOptions, DELAY_MS, limitOf } from './checks.js';
import type { WsManagerConfig } from './types.js';

/** The limits and times that hold where a {@link WsManagerConfig} is silent. Source: the DataFn reference. */
export const DEFAULT_WS_MANAGER_CONFIG: Readonly<Required<WsManagerConfig>> = Object.freeze({
  maxConnections: 10_000,
  maxConnectionsPerNamespace: 100,
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 10_000,
  cursorTargeting: false,
});

const RULES = {
  maxConnections: limitOf(0),
  maxConnectionsPerNamespace: limitOf(0),
  heartbeatIntervalMs: DELAY_MS,
  heartbeatTimeoutMs: DELAY_MS,
  cursorTargeting: BOOLEAN,
} as const;

/**
 * Completes and checks a config.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value out of range.
 */
export function resolveManagerConfig(config: WsManagerConfig = {}): Readonly<Required<WsManagerConfig>> {
  checkOptions('the config', config, RULES);
  const resolved = { ...DEFAULT_WS_MANAGER_CONFIG };
  for (const key of Object.keys(RULES) as (keyof typeof RULES)[])
    if (config[key] !== undefined) Object.assign(resolved, { [key]: config[key] });
  return Object.freeze(resolved);
}
