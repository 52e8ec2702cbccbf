import type { ChalkInstance } from 'chalk';
import type { ConnectionInfo, ServerObserver } from '../../server/events/events.js';
import { formatAmount, formatCount } from '../../text/units.js';
import { LimitedLog, type Log } from './log.js';

export interface EventLog extends ServerObserver {
  dispose(): void;
}

/** How a connection ended, in words. No frame has 1006 (RFC 6455, 7.1.5): it is for the lack of a close frame. */
function endText(by: 'server' | 'peer', code: number): string {
  if (by === 'server') return `closed by the server with ${code}`;
  return code === 1006 ? 'disconnected without a close frame (1006)' : `closed by the client with ${code}`;
}

/** Logs the events of a server, one line each. Of refusals, it logs some per second and counts the rest. */
export function logEvents(log: Log, colors: ChalkInstance): EventLog {
  const refusals = (event: string, what: [string, string]) =>
    new LimitedLog(log, { event, what, level: 'info', sign: colors.yellow('x') });
  const clients = refusals('client.refused', ['client was refused', 'clients were refused']);
  const upgrades = refusals('upgrade.rejected', ['upgrade was rejected', 'upgrades were rejected']);
  const requests = refusals('request.rejected', ['request was rejected', 'requests were rejected']);
  const faults = refusals('fault.used', ['fault struck', 'faults struck']);
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
    refused(connection, code, reason, why) {
      clients.add(() => ({
        text: `${who(connection)} refused with ${code} ${reason}${because(why)}`,
        fields: { ...fields(connection), code, reason, why },
      }));
    },
    rejectedUpgrade(status, detail, why) {
      upgrades.add(() => ({
        text: `upgrade rejected with HTTP ${status}: ${detail}${because(why)}`,
        fields: { status, detail, why },
      }));
    },
    rejectedRequest(status, detail, request) {
      const what = request === undefined ? 'malformed request' : `${request.method} ${request.path}`;
      requests.add(() => ({
        text: `${what} rejected with HTTP ${status}: ${detail}`,
        fields: { status, detail, ...request },
      }));
    },
    closed(connection, code, reason, by) {
      log.add({
        level: 'info',
        event: 'client.closed',
        sign: colors.dim('-'),
        text: `${who(connection)} ${endText(by, code)}${reason === '' ? '' : ` ${reason}`}`,
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
    fault(fault, connection) {
      faults.add(() => ({
        text: `fault ${fault}${connection === undefined ? '' : `: ${who(connection)}`}`,
        fields: { fault, ...(connection === undefined ? {} : fields(connection)) },
      }));
    },
    faultsSet(names) {
      log.add({
        level: 'warn',
        event: 'faults.set',
        text:
          names.length === 0
            ? 'faults cleared'
            : `faults set: ${[...new Set(names)].join(', ')}; to stop: npx datafn-ws fault clear`,
        fields: { faults: names },
      });
    },
    dispose() {
      for (const one of [clients, upgrades, requests, faults]) one.dispose();
    },
  };
}

function because(why: string | undefined): string {
  return why === undefined ? '' : `: ${why}`;
}
