import type { ChalkInstance } from 'chalk';
import { formatAmount, formatCount } from '../../protocol/units.js';
import type { ConnectionInfo, ServerObserver } from '../../server/observer.js';
import type { Log } from './log.js';

/** An observer that tells a log, a line an event, what happens on the server. */
export function narrate(log: Log, colors: ChalkInstance): ServerObserver {
  const who = ({ id, namespace }: ConnectionInfo) => `#${id} ${namespace ?? '(no namespace)'}`;
  const fields = ({ id, namespace, clientId, remoteAddress }: ConnectionInfo) => ({
    connection: id,
    namespace,
    clientId,
    remoteAddress,
  });
  return {
    connected(connection, connections) {
      log.add({
        level: 'info',
        event: 'client.connected',
        sign: colors.green('+'),
        text: `${who(connection)} connected, ${formatCount(connections)} open`,
        fields: { ...fields(connection), connections },
      });
    },
    hello(connection) {
      log.add({
        level: 'info',
        event: 'client.hello',
        sign: colors.cyan('·'),
        text: `${who(connection)} says hello as ${connection.clientId}`,
        fields: fields(connection),
      });
    },
    refused(connection, code, reason) {
      log.add({
        level: 'info',
        event: 'client.refused',
        sign: colors.yellow('x'),
        text: `${who(connection)} refused with ${code} ${reason}`,
        fields: { ...fields(connection), code, reason },
      });
    },
    rejectedUpgrade(status, detail) {
      log.add({
        level: 'info',
        event: 'upgrade.rejected',
        sign: colors.yellow('x'),
        text: `upgrade rejected with HTTP ${status}: ${detail}`,
        fields: { status, detail },
      });
    },
    closed(connection, code, reason, by) {
      log.add({
        level: 'info',
        event: 'client.closed',
        sign: colors.dim('-'),
        text: `${who(connection)} closed by ${by === 'server' ? 'the server' : 'the client'} with ${code}${reason === '' ? '' : ` ${reason}`}`,
        fields: { ...fields(connection), code, reason, by },
      });
    },
    broadcast(namespace, cursor, delivered) {
      log.add({
        level: 'info',
        event: 'cursor.broadcast',
        sign: colors.magenta('>'),
        text: `cursor ${cursor} to ${namespace}: ${formatAmount(delivered, 'client')}`,
        fields: { namespace, cursor, delivered },
      });
    },
  };
}
