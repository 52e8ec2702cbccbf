import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import type { NamespaceProvider } from '../../../src/server/auth/provider.js';
import { PROCESS_METRICS, SERVER_METRICS } from '../../../src/server/metrics/metrics.js';
import { TIMINGS } from '../../../src/server/metrics/timings.js';
import { eventually } from '../../backplane/recorded-node.js';
import { call, postCursors } from '../../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';
import { metricsOf } from '../../support/metrics.js';

afterEach(disposeLive);

/** What is there only in a cluster. */
const CLUSTER = Object.keys(SERVER_METRICS).filter((name) => name.startsWith('backplane_'));

describe('GET /metrics', () => {
  test('has every metric with its help and type, and those of a cluster only in one', async () => {
    const { apiUrl } = await startServer();
    const { status, contentType, text } = await metricsOf(`${apiUrl}/metrics`);
    expect([status, contentType]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const served = Object.entries(SERVER_METRICS).filter(([name]) => !CLUSTER.includes(name));
    expect(families).toEqual([
      ...served.map(([name, { type }]) => `datafn_ws_${name} ${type}`),
      ...Object.keys(TIMINGS).map((name) => `datafn_ws_${name} histogram`),
      ...Object.entries(PROCESS_METRICS).map(([name, { type }]) => `${name} ${type}`),
    ]);
    expect(text.match(/^# HELP \S+ \S.*$/gm)).toHaveLength(families.length);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('counts what GET /v1/stats counts, with who closed first', async () => {
    const { wsUrl, apiUrl, events } = await startServer({
      maxConnections: 3,
      namespaceProvider: ({ token }) => token,
    });
    const clients = await Promise.all(['a', 'a', 'b'].map((token) => openClient(wsUrl, token)));
    await connectClient(wsUrl, { token: 'c' });
    await connectClient(wsUrl);
    await postCursors(apiUrl, { namespace: 'a', cursor: '1' });
    clients[0]?.close(1000);
    clients[2]?.close(3999, 'mine');
    await events.until('closed', 2);
    const { of } = await metricsOf(`${apiUrl}/metrics`);
    expect({
      open: of('connections'),
      limit: of('connections_limit'),
      namespaces: of('namespaces'),
      accepted: of('connections_accepted_total'),
      overLimit: of('connections_refused_total{code="4503"}'),
      unauthorized: of('connections_refused_total{code="4401"}'),
      closed: of('connections_closed_total{code="1000",by="peer"}'),
      unknown: of('connections_closed_total{code="other",by="peer"}'),
      broadcasts: of('broadcasts_total'),
      deliveries: of('deliveries_total'),
      ready: of('ready'),
      workers: of('workers'),
    }).toEqual({
      open: 1,
      limit: 3,
      namespaces: 1,
      accepted: 3,
      overLimit: 1,
      unauthorized: 1,
      closed: 1,
      unknown: 1,
      broadcasts: 1,
      deliveries: 2,
      ready: 1,
      workers: 1,
    });
  });

  test('counts a close of the server apart from one of a client with the same code', async () => {
    const { wsUrl, apiUrl, events } = await startServer({ maxMessageRate: 1, maxMessageBurst: 1 });
    const noisy = await openClient(wsUrl, 'a');
    for (let i = 0; i < 4; i++) noisy.say('{}');
    const other = await openClient(wsUrl, 'a');
    other.close(1008);
    await events.until('closed', 2);
    const { of } = await metricsOf(`${apiUrl}/metrics`);
    expect(of('connections_closed_total{code="1008",by="server"}')).toBe(1);
    expect(of('connections_closed_total{code="1008",by="peer"}')).toBe(1);
    expect(of('limit_hits_total{limit="messageRate"}')).toBe(1);
  });

  test('times nothing before it is first asked for', async () => {
    const { wsUrl, apiUrl, server } = await startServer();
    await openClient(wsUrl, 'a');
    await postCursors(apiUrl, { namespace: 'a', cursor: '1' });
    expect((await metricsOf(`${apiUrl}/metrics`)).of('broadcast_duration_seconds_count')).toBe(0);
    await postCursors(apiUrl, { namespace: 'a', cursor: '2' });
    // A broadcast of the program that has the server counts as one of the API.
    server.websocketHandler.broadcastCursor('3', 'a');
    server.websocketHandler.broadcastCursor('3', 'nobody');
    const { of } = await metricsOf(`${apiUrl}/metrics`);
    expect(of('broadcasts_total')).toBe(4);
    expect(of('broadcast_duration_seconds_count')).toBe(3);
    expect(of('broadcast_duration_seconds_sum')).toBeGreaterThan(0);
    expect(of('broadcast_recipients_bucket{le="0"}')).toBe(1);
    expect(of('broadcast_recipients_bucket{le="1"}')).toBe(3);
    expect(of('broadcast_recipients_sum')).toBe(2);
  });

  test('times each ping to its pong, and no pong that was not asked for', async () => {
    const { wsUrl, apiUrl } = await startServer({ heartbeatIntervalMs: 20, heartbeatTimeoutMs: 10_000 });
    await metricsOf(`${apiUrl}/metrics`);
    const silent = await openClient(wsUrl, 'a', { answersPing: false });
    for (let i = 0; i < 5; i++) silent.sendFrame(0xa);
    await silent.roundTrip();
    const before = (await metricsOf(`${apiUrl}/metrics`)).of('pong_duration_seconds_count') ?? 0;
    // The first pong may have come behind a ping.
    expect(before).toBeLessThanOrEqual(1);
    await openClient(wsUrl, 'a');
    await eventually(async () => {
      const { of } = await metricsOf(`${apiUrl}/metrics`);
      const count = of('pong_duration_seconds_count') ?? 0;
      const seconds = of('pong_duration_seconds_sum') ?? 0;
      return count >= before + 2 && seconds > 0 && seconds < 10 * count;
    }, 'pongs are timed');
  });

  test('times the namespace provider, by outcome', async () => {
    const answers: Record<string, () => ReturnType<NamespaceProvider>> = {
      good: async () => 'a',
      bad: () => undefined,
      throws: () => {
        throw new Error('broken');
      },
      hangs: () => new Promise<never>(() => {}),
    };
    const { wsUrl, apiUrl } = await startServer({
      authTimeoutMs: 30,
      namespaceProvider: ({ token = '' }) => answers[token]?.(),
    });
    await metricsOf(`${apiUrl}/metrics`);
    await Promise.all(Object.keys(answers).map((token) => connectClient(wsUrl, { token })));
    const { of } = await metricsOf(`${apiUrl}/metrics`);
    const counts = ['granted', 'refused', 'failed', 'timeout'].map((outcome) =>
      of(`auth_duration_seconds_count{outcome="${outcome}"}`),
    );
    expect(counts).toEqual([1, 1, 1, 1]);
    expect(of('auth_duration_seconds_sum{outcome="timeout"}')).toBeGreaterThan(0.02);
  });

  test('times requests by route and status, with every unknown path as one', async () => {
    const { apiUrl } = await startServer();
    await metricsOf(`${apiUrl}/metrics`);
    for (const path of ['/v1/stats', '/v1/stats?x=1', '/nowhere', '/v1/stats/../elsewhere', '/"}'])
      await call('GET', `${apiUrl}${path}`);
    await postCursors(apiUrl, { namespace: 'a' });
    const { of, text } = await metricsOf(`${apiUrl}/metrics`);
    expect(of('http_request_duration_seconds_count{route="/v1/stats",status="200"}')).toBe(2);
    expect(of('http_request_duration_seconds_count{route="other",status="404"}')).toBe(3);
    expect(of('http_request_duration_seconds_count{route="/v1/cursors",status="400"}')).toBe(1);
    expect(text).not.toContain('elsewhere');
  });

  test('says that a server is not ready while it drains', async () => {
    const { wsUrl, apiUrl } = await startServer({ drainMs: 60_000 });
    await openClient(wsUrl, 'a');
    await openClient(wsUrl, 'a');
    await call('POST', `${apiUrl}/v1/drain`, {
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect((await metricsOf(`${apiUrl}/metrics`)).of('ready')).toBe(0);
  });

  test('has no label that a client chooses, whatever it sends', async () => {
    const { wsUrl, apiUrl, events } = await startServer({
      namespaceProvider: ({ token }) => token,
      maxMessageSizeBytes: 1024 * 1024,
      maxMessageRate: 0,
    });
    const evil = '\u202e"}\n{{ $labels }}<script>\u001b[31m';
    const before = await metricsOf(`${apiUrl}/metrics`);
    const client = await openClient(wsUrl, encodeURIComponent('evil<b>"namespace"'));
    client.say(JSON.stringify({ type: 'hello', clientId: evil.repeat(4000), cursor: evil }));
    // 64 KiB, as plain as an id can be.
    client.say(JSON.stringify({ type: 'hello', clientId: 'evil'.repeat(16_384), cursor: '0' }));
    await client.roundTrip();
    await postCursors(apiUrl, { namespace: 'evil<b>"namespace"', cursor: 'evil' });
    client.close(4999, 'evil reason');
    await events.until('closed');
    for (const code of [3000, 3001, 4000, 4001]) {
      const another = await openClient(wsUrl, 'evil');
      another.close(code, 'evil');
    }
    await events.until('closed', 5);
    await call('GET', `${apiUrl}/evil/%22%7D`, {
      headers: { 'user-agent': 'evil', 'x-forwarded-for': 'evil' },
    });
    await call('POST', `${apiUrl}/v1/stats`);
    const after = await metricsOf(`${apiUrl}/metrics`);
    expect(after.text).not.toMatch(/evil|<script|\$labels|\\n|[^\n -~]/);
    expect(after.of('connections_closed_total{code="other",by="peer"}')).toBe(5);
    const made = [...after.samples.keys()].filter((series) => !before.samples.has(series));
    expect(made.length).toBeGreaterThan(0);
    for (const series of made)
      expect(series).toMatch(
        /^datafn_ws_(?:http_request_duration_seconds_\w+\{(?:le="[\w.+]+",)?route="(?:other|[\w/]+)",status="\d{3}"\}|connections_closed_total\{code="other",by="peer"\})$/,
      );
  });
});

describe('who may read the metrics', () => {
  test('with an admin token only its bearer, without one only this machine', async () => {
    const secured = await startServer({ adminToken: 's3cret' });
    expect((await metricsOf(`${secured.apiUrl}/metrics`)).status).toBe(401);
    const headers = { authorization: 'Bearer s3cret' };
    expect((await metricsOf(`${secured.apiUrl}/metrics`, headers)).status).toBe(200);
    const open = await startServer();
    expect((await metricsOf(`${open.apiUrl}/metrics`, { host: 'evil.example' })).status).toBe(403);
    expect((await metricsOf(`${open.apiUrl}/metrics`, { origin: 'http://evil.example' })).status).toBe(403);
  });

  test('metricsListen has a port for nothing else, by the same rule, until the server has ended', async () => {
    const {
      apiUrl,
      wsUrl,
      metricsUrl = '',
      server,
    } = await startServer({
      adminToken: 's3cret',
      metricsListen: '127.0.0.1:0',
      drainMs: 60_000,
    });
    const headers = { authorization: 'Bearer s3cret' };
    expect(metricsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect((await metricsOf(metricsUrl)).status).toBe(401);
    expect((await metricsOf(metricsUrl, headers)).of('ready')).toBe(1);
    for (const path of ['/v1/stats', '/healthz', '/v1/drain'])
      expect((await call('GET', metricsUrl.replace('/metrics', path), { headers })).status, path).toBe(404);
    const moved = await call('GET', `${apiUrl}/metrics`, { headers });
    expect([moved.status, moved.json.fix]).toEqual([404, 'Ask for them at the address of --metrics-listen.']);
    await openClient(wsUrl, 'a');
    await openClient(wsUrl, 'a');
    const closed = server.close();
    expect((await metricsOf(metricsUrl, headers)).of('ready')).toBe(0);
    await server.close({ drainMs: 0 });
    await closed;
    await expect(metricsOf(metricsUrl, headers)).rejects.toThrow('ECONNREFUSED');
  });

  test('bytes that are no request are refused on that port, too', async () => {
    const { metricsUrl = '' } = await startServer({ metricsListen: '127.0.0.1:0' });
    const socket = connect(Number(new URL(metricsUrl).port), '127.0.0.1').setEncoding('latin1');
    socket.end('nothing of HTTP\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('a port that is taken stops the server, and names the flag; the other port is free again', async () => {
    const first = await startServer({ metricsListen: '127.0.0.1:0' });
    const { host } = new URL(first.metricsUrl ?? '');
    await expect(startServer({ metricsListen: host })).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: expect.stringMatching(/^Port \d+ on 127\.0\.0\.1 is already in use: .*--metrics-listen/),
    });
    const port = Number(new URL(first.apiUrl).port);
    await expect(startServer({ port, metricsListen: '127.0.0.1:0' })).rejects.toThrow('already in use');
  });

  test('metrics are not opened to the network without an admin token', async () => {
    await expect(startServer({ metricsListen: '0.0.0.0:0' })).rejects.toThrow(
      'Listening on 0.0.0.0 exposes the metrics (--metrics-listen) to the network: set --admin-token',
    );
    await expect(startServer({ metricsListen: '0.0.0.0:0', adminToken: 'short' })).rejects.toThrow(
      /the metrics \(--metrics-listen\) .* at least 16/,
    );
  });

  test.each(['9464', ':9464', '127.0.0.1', '127.0.0.1:70000', '::1:9464', 'http://a:1', 'a:1/x'])(
    'metricsListen %j is not an address',
    async (metricsListen) => {
      await expect(startServer({ metricsListen })).rejects.toThrow(
        'to be a host and a port such as 127.0.0.1:9464',
      );
    },
  );
});
