import { serverOptions } from '../../options/server.js';
import { flagOf } from '../../options/spec.js';
import type { Scenario } from '../scenario/model.js';
import type { Rule } from '../verdict/rule.js';

type ServerKey = keyof typeof serverOptions;

/** Settings of the server that decide whether a rule holds, by its metric and what stands in its brackets. */
const ASKED: readonly (readonly [RegExp, readonly ServerKey[]])[] = [
  [/^closed\[4503 Namespace/, ['maxConnectionsPerNamespace']],
  [/^closed\[4503 Connection/, ['maxConnections']],
  [/^(closed\[4503|accepted$|open$)/, ['maxConnections', 'maxConnectionsPerNamespace']],
  [/^closed\[1009/, ['maxMessageSize']],
  [/^(heartbeat\.|closed\[1001)/, ['heartbeatInterval', 'heartbeatTimeout']],
];

/**
 * Which settings of a server that runs already a rule counts on, and what the scenario has them at; `undefined` for a
 * rule that holds on a right server whatever its settings are.
 */
export function settingsAsked({ metric, key }: Rule, { serverFlags }: Scenario): string | undefined {
  const asked = key === undefined ? metric : `${metric}[${key}`;
  const [, keys] = ASKED.find(([pattern]) => pattern.test(asked)) ?? [];
  if (keys === undefined) return undefined;
  const settings = keys.map((one) => {
    const at = serverFlags.indexOf(`--${flagOf(one)}`);
    return `${one}: ${at === -1 ? (serverOptions[one].defaultText ?? serverOptions[one].default) : serverFlags[at + 1]}`;
  });
  return `The rule counts on the server having ${settings.join(' and ')}.`;
}
