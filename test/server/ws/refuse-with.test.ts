import { afterEach, describe, expect, test } from 'vitest';
import type { NamespaceAnswer } from '../../../src/server/auth/provider.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';
import { deferred } from '../../support/deadline.js';
import {
  connectClient,
  disposeLive,
  openClient,
  startClient,
  startServer,
} from '../../support/live-server.js';

afterEach(disposeLive);

describe("refuseWith 'http'", () => {
  test('answers 401 in place of 4401: the client learns that, the observer why', async () => {
    const { wsUrl, server, events } = await startServer({ refuseWith: 'http' });
    const client = await connectClient(wsUrl);
    await client.gone();
    expect(client.status).toBe(401);
    expect(client.head).toMatch(/^WWW-Authenticate: Bearer$/m);
    expect(JSON.parse(client.body)).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'Missing or invalid token',
    });
    expect(events.of('rejectedUpgrade')).toMatchObject([{ status: 401, why: 'no token' }]);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, rejected: 1, refused: { 401: 1 } });
  });

  test.each([
    ['maxConnections', 'Connection limit reached'],
    ['maxConnectionsPerNamespace', 'Namespace connection limit reached'],
  ])(
    'answers 503 with Retry-After in place of 4503 at %s, and a slot that is freed is free',
    async (limit, detail) => {
      const { wsUrl, server, events } = await startServer({ refuseWith: 'http', [limit]: 2 });
      const [first] = [await openClient(wsUrl, 'a'), await openClient(wsUrl, 'a')];
      const client = await connectClient(wsUrl, { token: 'a' });
      await client.gone();
      expect([client.status, JSON.parse(client.body).detail]).toEqual([503, detail]);
      expect(client.head).toMatch(/^Retry-After: \d+$/m);
      expect(server.stats()).toMatchObject({ connections: 2, refused: { 503: 1 } });
      first?.close();
      await events.until('closed');
      await openClient(wsUrl, 'a');
    },
  );

  test('limits stay exact when all are let in by their provider at the same moment', async () => {
    const answers = Array.from({ length: 30 }, () => deferred<NamespaceAnswer>());
    let asked = 0;
    const allAsked = deferred<void>();
    const { wsUrl, server, events } = await startServer({
      refuseWith: 'http',
      maxConnections: 10,
      namespaceProvider() {
        const answer = answers[asked++];
        if (asked === answers.length) allAsked.resolve();
        return answer?.promise;
      },
    });
    const clients = answers.map(() => startClient(wsUrl));
    await allAsked.promise;
    for (const answer of answers) answer.resolve('a');
    await events.until('rejectedUpgrade', 20);
    await events.until('connected', 10);
    expect(server.stats()).toMatchObject({ connections: 10, accepted: 10, refused: { 503: 20 } });
    await Promise.all(clients.map((client) => client.until(() => client.status !== 0, 'an answer')));
    expect(clients.filter(({ status }) => status === 101)).toHaveLength(10);
  });

  test('closes a client whose token expires with 4401, as it is connected already', async () => {
    const { wsUrl } = await startServer({
      refuseWith: 'http',
      namespaceProvider: () => ({ namespace: 'a', expiresAtMs: Date.now() + 300 }),
    });
    const client = await openClient(wsUrl);
    expect(await client.closed()).toEqual({ code: 4401, reason: 'Token expired' });
  });
});

test("refuseWith is 'close' unless it is said, and nothing else than the two", async () => {
  const { wsUrl } = await startServer({ maxConnections: 0 });
  expect((await (await openClient(wsUrl)).closed()).code).toBe(4401);
  expect((await (await openClient(wsUrl, 'a')).closed()).code).toBe(4503);
  expect(() => createDatafnWsServer({ refuseWith: 'never' as never })).toThrow(
    'Expected `refuseWith` to be "close" or "http"',
  );
});
