import { ApiClient } from '../../emit/api-client.js';
import { pause } from '../peer/waiters.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, OBSERVED } from './clause.js';

/** A client of the HTTP API for the time of `use`; skips the clause where there is none. */
async function withApi(trial: Trial, use: (client: ApiClient) => Promise<void>): Promise<void> {
  const { api } = trial.target;
  if (api === undefined) trial.skip('the server has no HTTP API of datafn-ws', '--admin-url URL');
  const client = new ApiClient(api);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

/** The HTTP API of a datafn-ws server. */
export const API: readonly Clause[] = [
  {
    id: 'http/20',
    level: 'MUST',
    sentence: 'POST /v1/cursors returns the number of clients that the cursor was sent to.',
    source: OBSERVED,
    check: (trial) =>
      withApi(trial, async (client) => {
        const tenant = trial.tenant();
        if (!trial.target.tenants.areOwn)
          trial.skip('others may be in the namespace', '--token-template TEXT');
        const many = 3;
        for (let count = 0; count < many; count++) await trial.admitted(tenant);
        const cursor = trial.ledger.next();
        const [result] = await client.emit([{ namespace: tenant.namespace ?? '', cursor }]);
        trial.did(`connected ${many} clients, emitted ${cursor}`);
        if (result?.delivered !== many) trial.fail(`"delivered": ${many}`, JSON.stringify(result));
      }),
  },
  {
    id: 'http/21',
    level: 'MUST',
    sentence: 'When a request has several cursors, the newest of each namespace is delivered.',
    source: OBSERVED,
    check: (trial) =>
      withApi(trial, async (client) => {
        const tenants = trial.tenants();
        const peers = [];
        for (const tenant of tenants) peers.push(await trial.admitted(tenant));
        const items = tenants.map(({ namespace = '', token }) => {
          const cursor = trial.ledger.next();
          trial.ledger.caused(cursor, token);
          return { namespace, cursor };
        });
        await client.emit(items);
        trial.did(`emitted ${items.map(({ cursor }) => cursor).join(' and ')} in one request`);
        for (const [index, peer] of peers.entries()) {
          const { cursor = '' } = items[index] ?? {};
          if (!(await peer.until(() => trial.hasGot(peer, { cursor, words: '' }), trial.patienceMs)))
            trial.fail(`cursor ${cursor} to reach client ${index + 1}`, peer.texts.join(' ') || 'nothing');
        }
      }),
  },
  {
    id: 'http/22',
    level: 'MUST',
    sentence: 'GET /v1/stats counts only clients that are connected.',
    source: OBSERVED,
    lane: 'alone',
    check: (trial) =>
      withApi(trial, async (client) => {
        const tenant = trial.tenant();
        const connections = async () =>
          Number(((await client.get('/v1/stats')) as { connections?: unknown } | undefined)?.connections);
        const before = await connections();
        if (!Number.isInteger(before)) trial.skip('the server has no GET /v1/stats');
        const peers = [
          await trial.admitted(tenant),
          await trial.admitted(tenant),
          await trial.admitted(tenant),
        ];
        await peers[0]?.leave(trial.patienceMs);
        trial.did('connected three clients, closed one');
        const endMs = performance.now() + trial.patienceMs;
        let now = await connections();
        while (now !== before + 2 && performance.now() < endMs) {
          await pause(50);
          now = await connections();
        }
        if (now !== before + 2) trial.fail(`${before + 2} connections`, `${now}`);
      }),
  },
  {
    id: 'http/23',
    level: 'MUST',
    sentence: 'POST /v1/cursors answers 400 if the body is not a valid cursor.',
    source: OBSERVED,
    check: (trial) =>
      withApi(trial, async (client) => {
        const { namespace = '' } = trial.tenant();
        trial.did('emitted a number as a cursor');
        const status = await client
          .emit([{ namespace, cursor: 42 as unknown as string }])
          .then(() => 200)
          .catch((error: { cause?: { status?: number } }) => error.cause?.status ?? 0);
        if (status !== 400) trial.fail('400', `${status}`);
      }),
  },
];
