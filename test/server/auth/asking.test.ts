import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NamespaceAnswer, NamespaceProvider } from '../../../src/server/auth/provider.js';
import type { DatafnWsServerOptions } from '../../../src/server/server-types.js';
import { type Deferred, deferred, Waiters } from '../../support/deadline.js';
import {
  connectClient,
  disposeLive,
  openClient,
  startClient,
  startServer,
} from '../../support/live-server.js';
import { watchSourceTimers } from '../../support/source-timers.js';

const UNAUTHORIZED = { code: 4401, reason: 'Unauthorized' };

afterEach(disposeLive);

/** A provider that answers when it is told to, and at once for the token `now`. */
class SlowProvider {
  readonly asked: Deferred<NamespaceAnswer>[] = [];
  readonly #waiters = new Waiters();

  readonly provide: NamespaceProvider = ({ token }) => {
    if (token === 'now') return 'now';
    const answer = deferred<NamespaceAnswer>();
    this.asked.push(answer);
    this.#waiters.changed();
    return answer.promise;
  };

  until(count: number): Promise<void> {
    return this.#waiters.until(
      () => this.asked.length >= count,
      `${count} questions, got ${this.asked.length}`,
    );
  }
}

async function slowServer(options: DatafnWsServerOptions = {}) {
  const provider = new SlowProvider();
  return { provider, ...(await startServer({ namespaceProvider: provider.provide, ...options })) };
}

describe('a provider that does not answer in time', () => {
  test.each<[string, () => unknown]>([
    ['a promise that never settles', () => new Promise(() => {})],
    // biome-ignore lint/suspicious/noThenProperty: a promise of another make is what is tested
    ['a thenable that never settles', () => ({ then() {} })],
  ])('with %s: 4401, and the log says so', async (_, provide) => {
    const { wsUrl, server, logger } = await startServer({
      authTimeoutMs: 50,
      namespaceProvider: provide as NamespaceProvider,
    });
    const client = await openClient(wsUrl, 'the-token');
    expect(await client.closed()).toEqual(UNAUTHORIZED);
    expect(logger.warnings.map(({ message }) => message)).toEqual([
      'The namespace provider took longer than 50 ms',
    ]);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, refused: { 4401: 1 } });
  });

  test.each<[string, (answer: { resolve(): void; reject(): void }) => void]>([
    ['answers', ({ resolve }) => resolve()],
    ['fails', ({ reject }) => reject()],
  ])('and %s later changes nothing any more', async (_, settle) => {
    const answer = { resolve: () => {}, reject: () => {} };
    const { wsUrl, server } = await startServer({
      authTimeoutMs: 50,
      namespaceProvider: () =>
        new Promise<string>((resolve, reject) => {
          answer.resolve = () => resolve('late');
          answer.reject = () => reject(new Error('late'));
        }),
    });
    const client = await openClient(wsUrl, 'T');
    await client.closed();
    settle(answer);
    await client.gone();
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, refused: { 4401: 1 } });
  });

  test('is warned of alone: one that answered in time is not', async () => {
    const { wsUrl, provider, logger } = await slowServer({ authTimeoutMs: 80 });
    const first = openClient(wsUrl, 'a');
    await provider.until(1);
    provider.asked[0]?.resolve('a');
    await first;
    await (await openClient(wsUrl, 'b')).closed();
    expect(logger.warnings).toHaveLength(1);
  });

  test('does not keep the process alive', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    const { wsUrl, provider } = await slowServer({ authTimeoutMs: 12_345 });
    startClient(wsUrl, { token: 'a' });
    await provider.until(1);
    const at = timers.mock.calls.findIndex(([, delayMs]) => delayMs === 12_345);
    expect((timers.mock.results[at] as { value: NodeJS.Timeout }).value.hasRef()).toBe(false);
    timers.mockRestore();
  });

  test('is waited for without end when the timeout is 0', async () => {
    const { wsUrl, provider } = await slowServer({ authTimeoutMs: 0 });
    const opening = openClient(wsUrl, 'T');
    await provider.until(1);
    provider.asked[0]?.resolve('a');
    expect((await opening).isOpen).toBe(true);
  });
});

describe('a provider that says nothing sensible', () => {
  const ANSWER =
    'expected the answer to be a namespace, { namespace, actorId, principalIds, expiresAtMs } or nothing, got';
  test.each<[string, () => unknown, string]>([
    [
      'a throw',
      () => {
        throw new Error('no such tenant');
      },
      'no such tenant',
    ],
    ['a rejection', () => Promise.reject(new Error('no such tenant')), 'no such tenant'],
    ['a number', () => 5, `${ANSWER} 5`],
    ['a promise of a number', async () => 5, `${ANSWER} 5`],
    ['a list', () => ['a'], `${ANSWER} an array`],
    ['an empty object', () => ({}), 'expected the namespace of the answer to be a string, got undefined'],
    [
      'an end that is no number',
      () => ({ namespace: 'a', expiresAtMs: NaN }),
      'expected the expiresAtMs of the answer to be a finite number of milliseconds, got NaN',
    ],
  ])('%s: 4401, and the log says what was wrong, once', async (_, provide, error) => {
    const { wsUrl, server, logger } = await startServer({ namespaceProvider: provide as NamespaceProvider });
    expect(await (await openClient(wsUrl, 'the-token')).closed()).toEqual(UNAUTHORIZED);
    expect(logger.warnings).toEqual([
      { level: 'warn', message: 'The namespace provider failed', context: { error } },
    ]);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, refused: { 4401: 1 } });
  });

  test.each<[string, () => NamespaceAnswer]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['an end that is past', () => ({ namespace: 'a', expiresAtMs: 1 })],
  ])('is no mistake when it is %s: 4401, and the log says nothing', async (_, provide) => {
    const { wsUrl, logger } = await startServer({ namespaceProvider: provide });
    expect(await (await openClient(wsUrl, 'T')).closed()).toEqual(UNAUTHORIZED);
    expect(logger.warnings).toEqual([]);
  });
});

describe('a provider that fails in its own way', () => {
  const sneaky = {
    get namespace(): string {
      throw new Error('no such tenant');
    },
  };
  test.each<[string, () => unknown]>([
    ['a getter that throws', () => sneaky],
    ['a promise of a getter that throws', async () => sneaky],
    [
      'a then that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a promise of another make is what is tested
        get then() {
          throw new Error('no such tenant');
        },
      }),
    ],
    ['a throw of null', () => Promise.reject(null)],
    ['a throw of something that cannot be shown', () => Promise.reject({ toString: () => sneaky.namespace })],
  ])('with %s: 4401, one warning, and the next client is let in', async (_, provide) => {
    let calls = 0;
    const { wsUrl, logger } = await startServer({
      namespaceProvider: (() => (calls++ === 0 ? provide() : 'a')) as NamespaceProvider,
    });
    expect(await (await openClient(wsUrl, 'T')).closed()).toEqual(UNAUTHORIZED);
    expect(logger.warnings).toHaveLength(1);
    expect((await openClient(wsUrl, 'T')).isOpen).toBe(true);
  });

  test('with the token in its error: the log has the error without it', async () => {
    const { wsUrl, logger } = await startServer({
      namespaceProvider: ({ token, url, headers }) => {
        throw new Error(`no user for ${token} at ${url} with ${headers.cookie}`);
      },
    });
    const headers = { Cookie: 'session=open-sesame' };
    await (await openClient(wsUrl, 'let-me-in/please', { headers })).closed();
    expect(logger.warnings.map(({ context }) => context)).toEqual([
      { error: 'no user for [hidden] at /datafn/ws?[hidden] with [hidden]' },
    ]);
  });
});

describe('clients whose namespace is being found out', () => {
  test('hold no slot, and beyond --max-pending-auth they are answered 503 and the provider is not asked', async () => {
    const { wsUrl, provider, server } = await slowServer({ maxPendingAuth: 2, maxConnections: 1 });
    const waiting = [openClient(wsUrl, 'a'), openClient(wsUrl, 'b')] as const;
    await provider.until(2);
    const crowded = await connectClient(wsUrl, { token: 'c' });
    await crowded.gone();
    expect([crowded.status, JSON.parse(crowded.body).status]).toEqual([503, 503]);
    expect(crowded.head).toContain('Retry-After: 1');
    expect(provider.asked).toHaveLength(2);
    expect(server.stats()).toMatchObject({ connections: 0, accepted: 0, refused: { 503: 1 } });

    // The place of one who has been answered is free; the one slot goes to who is answered first.
    provider.asked[1]?.resolve('b');
    expect((await waiting[1]).isOpen).toBe(true);
    const next = openClient(wsUrl, 'd');
    await provider.until(3);
    provider.asked[0]?.resolve('a');
    expect(await (await waiting[0]).closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
    provider.asked[2]?.resolve(undefined);
    expect(await (await next).closed()).toEqual(UNAUTHORIZED);
  });

  test.each<[string, (client: ReturnType<typeof startClient>) => void]>([
    ['with a word', (client) => client.socket.end()],
    ['with a reset', (client) => client.reset()],
    [
      'after it has talked too much before its turn',
      (client) => client.socket.write(Buffer.alloc(64 * 1024)),
    ],
  ])('that leave %s free their place at once, and are not let in by a late answer', async (_, leave) => {
    const { wsUrl, provider, server, events } = await slowServer({ maxPendingAuth: 1, authTimeoutMs: 0 });
    const leaver = startClient(wsUrl, { token: 'a' });
    await provider.until(1);
    leave(leaver);
    await vi.waitFor(() => expect(server.stats().abandoned).toBe(1), { timeout: 8000 });
    await leaver.gone();
    expect(leaver.status).toBe(0);

    const next = openClient(wsUrl, 'b');
    await provider.until(2);
    provider.asked[0]?.resolve('a');
    provider.asked[1]?.resolve('b');
    expect((await next).isOpen).toBe(true);
    expect(events.of('connected').map(({ connection }) => connection.namespace)).toEqual(['b']);
    expect(server.stats()).toMatchObject({ connections: 1, accepted: 1, rejected: 0, closed: {} });
  });

  test('may say something early, and it is heard in its place', async () => {
    const { wsUrl, provider, events } = await slowServer();
    const client = startClient(wsUrl, { token: 'a' });
    client.say('{"type":"hello","clientId":"ear');
    await provider.until(1);
    client.say('{"type":"hello","clientId":"early"}');
    // Answered only when that has come: another connection is served after it.
    await (await openClient(wsUrl, 'now')).roundTrip();
    provider.asked[0]?.resolve('a');
    client.say('{"type":"hello","clientId":"later"}');
    const hellos = await events.until('hello', 2);
    expect(hellos.map(({ connection }) => connection.clientId)).toEqual(['early', 'later']);
  });

  test('get 503 when the server shuts down, whatever the provider says later', async () => {
    const { wsUrl, provider, server } = await slowServer();
    const waiting = [connectClient(wsUrl, { token: 'a' }), connectClient(wsUrl, { token: 'b' })];
    await provider.until(2);
    await server.close();
    for (const answer of provider.asked) answer.resolve('a');
    for (const client of await Promise.all(waiting)) expect(client.status).toBe(503);
    expect(server.stats()).toMatchObject({ accepted: 0, refused: { 503: 2 } });
  });
});

describe('a grant with an end', () => {
  const until = (inMs: number) => (): NamespaceAnswer => ({ namespace: 'a', expiresAtMs: Date.now() + inMs });

  test('closes its client with 4401 when it comes, frees the slot, and counts as a close', async () => {
    let calls = 0;
    const { wsUrl, server, events } = await startServer({
      maxConnections: 1,
      namespaceProvider: () => (calls++ === 0 ? until(300)() : 'a'),
    });
    const client = await openClient(wsUrl, 'T', { answersClose: false });
    server.websocketHandler.broadcastCursor('1', 'a');
    expect(await client.closed()).toEqual({ code: 4401, reason: 'Token expired' });
    expect(client.texts).toHaveLength(1);
    // Its socket is still there, its slot is not.
    expect((await openClient(wsUrl, 'T')).isOpen).toBe(true);
    expect(server.stats()).toMatchObject({ connections: 1, accepted: 2, rejected: 0, closed: { 4401: 1 } });
    expect(events.of('closed')).toMatchObject([
      { code: 4401, reason: 'Token expired', by: 'server', connection: { namespace: 'a' } },
    ]);
  });

  test('of two clients closes the one whose end comes first', async () => {
    const { wsUrl } = await startServer({
      namespaceProvider: ({ token }) => until(Number(token))(),
    });
    const [late, early] = [await openClient(wsUrl, '60000'), await openClient(wsUrl, '200')];
    expect((await early.closed()).reason).toBe('Token expired');
    await late.roundTrip();
    expect(late.isOpen).toBe(true);
  });

  test('farther than a timer can wait does not close its client now', async () => {
    const { wsUrl } = await startServer({ namespaceProvider: until(60 * 24 * 3600_000) });
    const client = await openClient(wsUrl, 'T');
    await client.roundTrip();
    await client.roundTrip();
    expect(client.isOpen).toBe(true);
  });

  test('that is past lets nobody in', async () => {
    const { wsUrl, server } = await startServer({ namespaceProvider: until(-1) });
    expect(await (await openClient(wsUrl, 'T')).closed()).toEqual(UNAUTHORIZED);
    expect(server.stats()).toMatchObject({ accepted: 0, refused: { 4401: 1 } });
  });

  test('of a client that has left is of no consequence', async () => {
    const { wsUrl, server, events } = await startServer({ namespaceProvider: until(250) });
    const [leaver, stayer] = [await openClient(wsUrl, 'T'), await openClient(wsUrl, 'T')];
    await leaver.destroy();
    await stayer.closed();
    await events.until('closed', 2);
    expect(server.stats()).toMatchObject({ accepted: 2, closed: { 1006: 1, 4401: 1 } });
  });

  test('of a client that has left leaves no timer behind', async () => {
    const timers = watchSourceTimers();
    onTestFinished(timers.restore);
    const { wsUrl, events } = await startServer({ namespaceProvider: until(45_000) });
    const client = await openClient(wsUrl, 'T');
    expect(timers.pending().length).toBeGreaterThan(0);
    await client.destroy();
    await events.until('closed');
    await disposeLive();
    expect(timers.pending()).toEqual([]);
  });
});
