import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { metricsOf } from '../support/metrics.js';
import { onSignal } from '../support/preloaded.js';
import { clientsAtBoth, WORKERS, workersOf } from '../support/serve-workers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const files = temporaryFolder('metrics');
const TOKEN = 'a-token-of-the-file-0123';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

test('serve loads prom-client when it is first asked for metrics, and not before', async () => {
  const serve = await startServe(
    [],
    onSignal(
      "console.error('prom-client:', Object.keys(process.getBuiltinModule('module')._cache).some((file) => file.includes('prom-client')))",
    ),
  );
  await call('GET', `${serve.apiUrl}/v1/stats`);
  serve.kill('SIGUSR2');
  expect(await serve.logged(/^prom-client:/)).toBe('prom-client: false');
  expect((await metricsOf(`${serve.apiUrl}/metrics`)).status).toBe(200);
  serve.kill('SIGUSR2');
  await serve.logged(/^prom-client: true$/);
});

describe('serve --workers', () => {
  test('the metrics are those of the whole server, on a port of its own, and outlive a worker', async () => {
    const serve = await startServe([
      ...WORKERS,
      ...['--metrics-listen', '127.0.0.1:0'],
      ...['--admin-token-file', files.file('token', `${TOKEN}\n`)],
      ...['--log-level', 'error'],
    ]);
    const { metricsUrl = '' } = serve.listening;
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await metricsOf(metricsUrl)).status).toBe(401);
    const clients = [];
    const workersWithClients = async () => {
      const { json } = await call('GET', `${serve.apiUrl}/v1/clients`, { headers });
      return new Set(json.clients.map(({ id }: { id: number }) => id % 2)).size;
    };
    await eventually(async () => {
      clients.push(await openClient(serve.wsUrl, 'user:alice'));
      return (await workersWithClients()) === 2;
    }, 'clients at both workers');
    for (let cursor = 1; cursor <= 6; cursor++)
      await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: `${cursor}` }, headers);

    const before = await metricsOf(metricsUrl, headers);
    expect({
      workers: before.of('workers'),
      connections: before.of('connections'),
      accepted: before.of('connections_accepted_total'),
      broadcasts: before.of('broadcasts_total'),
      deliveries: before.of('deliveries_total'),
      recipients: before.of('broadcast_recipients_sum'),
      posts: before.of('http_request_duration_seconds_count{route="/v1/cursors",status="200"}'),
      nodes: before.of('backplane_nodes'),
      state: before.of('backplane_state'),
      ready: before.of('ready'),
    }).toEqual({
      workers: 2,
      connections: clients.length,
      accepted: clients.length,
      broadcasts: 6,
      deliveries: 6 * clients.length,
      recipients: 6 * clients.length,
      posts: 6,
      nodes: 2,
      state: 1,
      ready: 1,
    });

    const [worker] = await workersOf(serve);
    process.kill(worker?.pid as number, 'SIGKILL');
    await eventually(async () => (await metricsOf(metricsUrl, headers)).of('workers') === 1, 'one is gone');
    const after = await metricsOf(metricsUrl, headers);
    const counters = [...before.samples].filter(([series]) => /_(?:total|count|sum|bucket)\b/.test(series));
    expect(counters.length).toBeGreaterThan(100);
    const fallen = counters.filter(([series, value]) => (after.samples.get(series) ?? 0) < value);
    expect(fallen).toEqual([]);
    expect(after.of('connections_closed_total{code="1006",by="peer"}')).toBe(
      clients.length - (after.of('connections') ?? 0),
    );
    await eventually(
      async () => (await metricsOf(metricsUrl, headers)).of('workers') === 2,
      'another serves',
    );
  });

  test('without a port of its own, any worker answers for all', async () => {
    const serve = await startServe([...WORKERS, '--log-level', 'error']);
    const clients = await clientsAtBoth(serve, 'user:alice');
    for (let i = 0; i < 4; i++)
      expect((await metricsOf(`${serve.apiUrl}/metrics`)).of('connections')).toBe(clients.length);
  });
});
