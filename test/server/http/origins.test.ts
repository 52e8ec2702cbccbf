import { afterEach, describe, expect, test } from 'vitest';
import { call, postCursors } from '../../support/http-call.js';
import { connectClient, disposeLive, openClient, startServer } from '../../support/live-server.js';

const HERE = 'http://localhost:5173';
const ELSEWHERE = 'https://evil.example';

afterEach(disposeLive);

describe('an upgrade', () => {
  test('by a page of another origin is answered 403, is counted, and the provider is not asked', async () => {
    let asked = 0;
    const { wsUrl, server } = await startServer({
      namespaceProvider: () => {
        asked += 1;
        return 'a';
      },
    });
    for (const origin of [ELSEWHERE, 'null', 'http://localhost.evil.example', `${HERE}, ${ELSEWHERE}`]) {
      const client = await connectClient(wsUrl, { headers: { Origin: origin } });
      await client.gone();
      expect([client.status, JSON.parse(client.body).status], origin).toEqual([403, 403]);
    }
    expect(asked).toBe(0);
    expect(server.stats()).toMatchObject({ accepted: 0, refused: { 403: 4 }, limited: { origin: 4 } });
  });

  test('by a page of this machine gets in, and so does a program, which has no origin', async () => {
    const { wsUrl } = await startServer();
    await openClient(wsUrl, 'a', { headers: { Origin: HERE } });
    await openClient(wsUrl, 'a');
  });

  test('with allowOrigin, by pages of those origins alone', async () => {
    const { wsUrl } = await startServer({ allowOrigin: ['https://app.example.com'] });
    await openClient(wsUrl, 'a', { headers: { Origin: 'https://app.example.com' } });
    await openClient(wsUrl, 'a');
    expect((await connectClient(wsUrl, { token: 'a', headers: { Origin: HERE } })).status).toBe(403);
  });

  test('with an admin token the Host says nothing, and a page of another origin is kept out all the same', async () => {
    const { wsUrl } = await startServer({ adminToken: 'secret' });
    const headers = { Host: 'evil.example', Origin: 'http://evil.example' };
    expect((await connectClient(wsUrl, { token: 'a', headers })).status).toBe(403);
  });
});

describe('an API request', () => {
  const item = { namespace: 'a', cursor: '1' };

  test('by a page of another origin is answered 403, whatever it asks for, and broadcasts nothing', async () => {
    const { wsUrl, apiUrl, server } = await startServer();
    const client = await openClient(wsUrl, 'a');
    const answers = [
      await postCursors(apiUrl, item, { origin: ELSEWHERE }),
      await postCursors(apiUrl, item, { origin: 'null', 'content-type': 'text/plain' }),
      await call('GET', `${apiUrl}/v1/stats`, { headers: { origin: ELSEWHERE } }),
      await call('OPTIONS', `${apiUrl}/v1/cursors`, {
        headers: { origin: ELSEWHERE, 'access-control-request-method': 'POST' },
      }),
    ];
    for (const { status, json, headers } of answers) {
      expect([status, json.field]).toEqual([403, 'Origin']);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
    await client.roundTrip();
    expect(client.texts).toEqual([]);
    expect(server.stats()).toMatchObject({ broadcasts: 0, limited: { origin: 4 } });
  });

  test('by a page of this machine works, and no page may read the answer', async () => {
    const { apiUrl } = await startServer();
    const { status, headers } = await postCursors(apiUrl, item, { origin: HERE });
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    const preflight = await call('OPTIONS', `${apiUrl}/v1/cursors`, {
      headers: { origin: HERE, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(405);
    expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('with cors, pages that are allowed may read it, and are told what they may send', async () => {
    const { apiUrl } = await startServer({ cors: true, adminToken: 'secret' });
    const preflight = await call('OPTIONS', `${apiUrl}/v1/cursors`, {
      headers: {
        origin: HERE,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': HERE,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'authorization, content-type',
      vary: 'Origin',
    });
    const refused = await postCursors(apiUrl, item, { origin: HERE });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, HERE]);
    const { status, headers } = await postCursors(apiUrl, item, {
      origin: HERE,
      authorization: 'Bearer secret',
    });
    expect([status, headers['access-control-allow-origin']]).toEqual([200, HERE]);
    const foreign = await postCursors(apiUrl, item, { origin: ELSEWHERE, authorization: 'Bearer secret' });
    expect(foreign.status).toBe(403);
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
  });
});
