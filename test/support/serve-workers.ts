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

/** Opens clients of a namespace until each of the two workers has one: the ids of the one are odd, of the other even. */
export async function clientsAtBoth(serve: ServeProcess, namespace: string): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  await eventually(async () => {
    clients.push(await openClient(serve.wsUrl, namespace));
    return new Set((await clientsOf(serve)).clients.map(({ id }) => Number(id) % 2)).size === 2;
  }, 'clients at both workers');
  return clients;
}
