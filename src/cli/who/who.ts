import { ApiClient } from '../../emit/api-client.js';
import { whoOptions } from '../../options/listen.js';
import { resolveOptions } from '../../options/spec.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { printableJson } from '../../text/printable.js';
import { colorsFor } from '../color.js';
import { type Io, STOP_EXIT_CODES } from '../io.js';
import { readTrust } from '../trust.js';
import { type Client, type ClientList, clientsTable, type NamespaceCount, namespacesTable } from './table.js';

/** Prints the namespaces of a server and how many clients each has, or the clients of one; the exit code. */
export async function who(flags: Record<string, string>, io: Io): Promise<number> {
  const options = resolveOptions(whoOptions, { flags, env: io.env });
  if (options.namespace.length > 1)
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected one --namespace, got ${options.namespace.length}: run who again for another one.`,
    );
  const client = new ApiClient({ ...options, tls: await readTrust(options, [options.url]) });
  let stopped: number | undefined;
  const dispose = io.onStop((signal) => {
    stopped = STOP_EXIT_CODES[signal];
    client.close();
  });
  try {
    const columns = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    const colors = colorsFor(io, 'stdout');
    const [namespace] = options.namespace;
    if (namespace === undefined) {
      const namespaces = readNamespaces(await client.get('/v1/namespaces'), options.url);
      io.stdout.write(options.json ? line({ namespaces }) : namespacesTable(namespaces, colors, columns));
    } else {
      const path = `/v1/clients?namespace=${encodeURIComponent(namespace)}`;
      const answer = readClients(await client.get(path), options.url);
      io.stdout.write(options.json ? line(answer) : clientsTable(answer, colors, columns));
    }
    return 0;
  } catch (error) {
    if (stopped !== undefined) return stopped;
    throw error;
  } finally {
    dispose();
    client.close();
  }
}

const line = (answer: unknown) => `${printableJson(answer)}\n`;

/** Most clients first. */
function readNamespaces(answer: unknown, url: string): readonly NamespaceCount[] {
  const { namespaces } = (answer ?? {}) as { namespaces?: unknown };
  if (!isListOf(namespaces, isNamespaceCount)) throw strange('namespaces', url);
  return namespaces
    .map(({ namespace, connections }) => ({ namespace, connections }))
    .sort((a, b) => b.connections - a.connections || (a.namespace < b.namespace ? -1 : 1));
}

function readClients(answer: unknown, url: string): ClientList {
  const { clients, total } = (answer ?? {}) as { clients?: unknown; total?: unknown };
  if (!isListOf(clients, isClient) || !isCount(total)) throw strange('clients', url);
  return {
    total,
    clients: clients.map(({ id, namespace, clientId, remoteAddress, connectedMs }) => ({
      id,
      namespace,
      clientId,
      remoteAddress,
      connectedMs,
    })),
  };
}

function strange(field: string, url: string): DatafnWsError {
  return new DatafnWsError(
    'ERR_REFUSED',
    `${url} refused: an answer without \`${field}\`; is it a datafn-ws server?`,
  );
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is Item[] {
  return Array.isArray(value) && value.every(isItem);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown) => typeof value === 'string';
const mayBeText = (value: unknown) => value === undefined || isText(value);

function isNamespaceCount(value: unknown): value is NamespaceCount {
  const { namespace, connections } = (value ?? {}) as Record<string, unknown>;
  return isText(namespace) && isCount(connections);
}

function isClient(value: unknown): value is Client {
  const { id, namespace, clientId, remoteAddress, connectedMs } = (value ?? {}) as Record<string, unknown>;
  return (
    isCount(id) &&
    isText(namespace) &&
    mayBeText(clientId) &&
    mayBeText(remoteAddress) &&
    isCount(connectedMs)
  );
}
