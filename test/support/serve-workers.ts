import { numberOf } from '../../src/server/events/clients.js';
import { eventually } from '../backplane/recorded-node.js';
import type { ServeProcess } from './cli-process.js';
import { call } from './http-call.js';
import { openClient } from './live-server.js';
import { type ProcessEntry, untilChildren } from './process-tree.js';
import type { RawClient } from './raw-client.js';

/** Flags of a server with two workers. */
export const WORKERS = ['--workers', '2'];

/** The worker processes of a server. */
export const workersOf = (serve: ServeProcess, count = 2): Promise<ProcessEntry[]> =>
  untilChildren(serve.pid, (children) => children.length === count);

/** The clients of a server, as it lists them. */
export const clientsOf = async ({ apiUrl }: ServeProcess) =>
  (await call('GET', `${apiUrl}/v1/clients`)).json as {
    total: number;
    clients: { id: string; namespace: string }[];
  };

/**
 * Opens clients with a token, whose first word is its namespace unless told otherwise, until each of the two workers has one of that: the ids of
 * the one are odd, of the other even.
 */
export async function clientsAtBoth(
  serve: ServeProcess,
  token: string,
  namespace = token.split(' ')[0],
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  await eventually(async () => {
    clients.push(await openClient(serve.wsUrl, token));
    const ofIt = (await clientsOf(serve)).clients.filter((client) => client.namespace === namespace);
    return new Set(ofIt.map(({ id }) => numberOf(id) % 2)).size === 2;
  }, 'clients at both workers');
  return clients;
}
