import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type CursorEmitterOptions, createCursorEmitter } from '../../src/emit/cursor-emitter.js';
import type { DatafnWsError } from '../../src/protocol/errors.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

const TOKEN = 'an-admin-token-of-some-length';

/** A server that a test answers for. */
class FakeServer {
  /** The batches that came, each as `namespace cursor`. */
  readonly batches: string[][] = [];
  readonly requests: { url: string; init: RequestInit }[] = [];
  /** How it answers a batch: a status, a response, or an error that is thrown. */
  answer: (batch: readonly string[]) => number | Response | Error = () => 200;

  readonly fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    const items = JSON.parse(String(init.body)) as { namespace: string; cursor: string }[];
    const batch = items.map(({ namespace, cursor }) => `${namespace} ${cursor}`);
    this.requests.push({ url: String(url), init });
    this.batches.push(batch);
    const answer = this.answer(batch);
    if (answer instanceof Error) throw answer;
    return typeof answer === 'number' ? Response.json({ detail: 'because' }, { status: answer }) : answer;
  };
}

const away = () => new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });

function emitterOf(server: FakeServer, options: Partial<CursorEmitterOptions> = {}) {
  const errors: DatafnWsError[] = [];
  const emitter = createCursorEmitter({
    url: 'http://127.0.0.1:3001/',
    fetch: server.fetch as typeof fetch,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { emitter, errors };
}

describe('with time that the test moves', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test('the cursors of one tick go out in one request, the highest of each namespace', async () => {
    const server = new FakeServer();
    const { emitter } = emitterOf(server, { adminToken: TOKEN });
    emitter.emit('a', '9');
    emitter.emit('b', 1);
    emitter.emit('a', 10n);
    emitter.emit('a', '8');
    expect(server.batches).toEqual([]);
    expect(emitter.pending).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(server.batches).toEqual([['a 10', 'b 1']]);
    expect(emitter.pending).toBe(0);
    expect(server.requests[0]).toMatchObject({
      url: 'http://127.0.0.1:3001/v1/cursors',
      init: {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      },
    });
  });

  test('one request is on its way at a time, with 1,000 namespaces at most', async () => {
    const server = new FakeServer();
    const { emitter } = emitterOf(server);
    for (let index = 0; index < 2500; index++) emitter.emit(`n${index}`, 1);
    await vi.advanceTimersByTimeAsync(10);
    expect(server.batches.map(({ length }) => length)).toEqual([1000, 1000, 500]);
  });

  test('while the server is away, it retries with backoff and jitter, and keeps the newest of each namespace', async () => {
    const server = new FakeServer();
    server.answer = away;
    const { emitter, errors } = emitterOf(server);
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const atMs: number[] = [];
    const startMs = Date.now();
    let seen = 0;
    for (let tick = 0; tick < 600; tick++) {
      emitter.emit(`n${tick % 5}`, tick);
      await vi.advanceTimersByTimeAsync(50);
      if (server.batches.length > seen) atMs.push(Date.now() - startMs);
      seen = server.batches.length;
    }
    // 250 ms, 500 ms, 1 s, … after the first.
    expect(atMs.map((ms) => Math.round(ms / 250) * 250)).toEqual([0, 250, 750, 1750, 3750, 7750, 15_750]);
    expect(emitter.pending).toBe(5);
    expect(errors).toMatchObject([
      { code: 'ERR_UNREACHABLE', message: expect.stringContaining('connect ECONNREFUSED') },
    ]);
    server.answer = () => 200;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(server.batches.at(-1)?.sort()).toEqual(['n0 595', 'n1 596', 'n2 597', 'n3 598', 'n4 599']);
    expect(emitter.pending).toBe(0);
    expect(emitter.dropped).toBe(0);
    expect(errors).toHaveLength(1);
  });

  test('the delays of two emitters differ', async () => {
    const delays = new Set<number>();
    for (const random of [0, 0.5, 1]) {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      const server = new FakeServer();
      server.answer = () => 503;
      const { emitter } = emitterOf(server);
      emitter.emit('a', 1);
      await vi.advanceTimersByTimeAsync(1);
      const startMs = Date.now();
      while (server.batches.length < 2) await vi.advanceTimersByTimeAsync(1);
      delays.add(Date.now() - startMs);
    }
    // From the end of the first millisecond on.
    expect([...delays]).toEqual([124, 186, 249]);
  });

  test('it waits as long as Retry-After says', async () => {
    const server = new FakeServer();
    server.answer = () => new Response('', { status: 429, headers: { 'retry-after': '7' } });
    const { emitter } = emitterOf(server);
    emitter.emit('a', 1);
    await vi.advanceTimersByTimeAsync(6900);
    expect(server.batches).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(server.batches).toHaveLength(2);
  });

  test('beyond maxNamespaces, the one that has waited longest is dropped, and counted', async () => {
    const server = new FakeServer();
    server.answer = away;
    const { emitter, errors } = emitterOf(server, { maxNamespaces: 3 });
    for (let index = 0; index < 5; index++) emitter.emit(`n${index}`, 1);
    expect(emitter.pending).toBe(3);
    expect(emitter.dropped).toBe(2);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UNREACHABLE', 'ERR_UNREACHABLE']);
    server.answer = () => 200;
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.batches.at(-1)).toEqual(['n2 1', 'n3 1', 'n4 1']);
  });

  test('of a batch that is refused, the item at fault is dropped, and all others arrive', async () => {
    const server = new FakeServer();
    server.answer = (batch) => (batch.includes('n617 1') ? 400 : 200);
    const { emitter, errors } = emitterOf(server);
    for (let index = 0; index < 1000; index++) emitter.emit(`n${index}`, 1);
    await vi.advanceTimersByTimeAsync(100);
    const arrived = server.batches.filter((batch) => !batch.includes('n617 1')).flat();
    expect(new Set(arrived).size).toBe(999);
    expect(emitter).toMatchObject({ pending: 0, dropped: 1 });
    expect(errors).toMatchObject([{ code: 'ERR_REFUSED', message: expect.stringContaining('400 because') }]);
  });

  test('an invalid cursor or namespace is reported and dropped, and nothing is thrown, whatever onError does', async () => {
    const server = new FakeServer();
    const { emitter } = emitterOf(server, {
      onError: () => {
        throw new Error('from onError');
      },
    });
    const odd = [
      undefined,
      null,
      '',
      {},
      [],
      Symbol('x'),
      '\n',
      'x'.repeat(300),
      () => {},
    ] as unknown as string[];
    for (const value of odd) {
      emitter.emit(value, '1');
      emitter.emit('a', value);
    }
    expect(emitter.dropped).toBe(2 * odd.length);
    await vi.advanceTimersByTimeAsync(10);
    expect(server.batches).toEqual([]);
  });

  test('flush does not wait for a retry that is due later, and says whether all was delivered', async () => {
    const server = new FakeServer();
    server.answer = away;
    const { emitter } = emitterOf(server);
    for (let count = 0; count < 6; count++) {
      emitter.emit('a', count);
      await vi.advanceTimersByTimeAsync(2000);
    }
    const late = emitter.flush({ timeoutMs: 300 });
    await vi.advanceTimersByTimeAsync(300);
    expect(await late).toBe(false);
    server.answer = () => 200;
    const done = emitter.flush();
    await vi.advanceTimersByTimeAsync(1);
    expect(await done).toBe(true);
    expect(await emitter.flush()).toBe(true);
  });

  test('close sends what waits, gives up after its timeout, and takes nothing more', async () => {
    const server = new FakeServer();
    server.answer = away;
    const { emitter } = emitterOf(server);
    emitter.emit('a', 1);
    const closed = emitter.close({ timeoutMs: 1000 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(await closed).toBe(false);
    emitter.emit('b', 1);
    expect(emitter).toMatchObject({ pending: 0, dropped: 2 });
    const { length } = server.batches;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.batches).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('with a server', () => {
  afterEach(disposeLive);

  test('its cursors reach the clients, and a request that hangs is given up', async () => {
    const { apiUrl, wsUrl } = await startServer({ adminToken: TOKEN });
    const client = await openClient(wsUrl, 'a');
    const errors: DatafnWsError[] = [];
    let isHanging = true;
    const emitter = createCursorEmitter({
      url: apiUrl,
      adminToken: TOKEN,
      timeoutMs: 50,
      onError: (error) => errors.push(error),
      fetch: (input, init) => {
        if (!isHanging) return fetch(input, { ...init, signal: null });
        isHanging = false;
        return new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        });
      },
    });
    emitter.emit('a', 42);
    expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
    expect(await emitter.close()).toBe(true);
    expect(errors).toMatchObject([{ code: 'ERR_UNREACHABLE' }]);
  });

  test('a wrong token is reported, and tried again: a deploy may mend it', async () => {
    const { apiUrl } = await startServer({ adminToken: TOKEN });
    const errors: DatafnWsError[] = [];
    const emitter = createCursorEmitter({
      url: apiUrl,
      adminToken: 'wrong',
      onError: (error) => errors.push(error),
    });
    emitter.emit('a', 1);
    while (errors.length === 0) await sleep(5);
    expect(errors[0]).toMatchObject({ code: 'ERR_REFUSED', message: expect.stringContaining('401') });
    expect(errors[0]?.message).not.toContain('wrong');
    expect(emitter.pending).toBe(1);
    await emitter.close({ timeoutMs: 1 });
  });
});

test.each([
  [{ url: 'ws://127.0.0.1:3001' }, 'Expected `url` to be a URL such as http://127.0.0.1:3001'],
  [
    { url: 'http://127.0.0.1:3001', maxNamespaces: 0 },
    'Expected `maxNamespaces` to be a whole number of at least 1',
  ],
  [{ url: 'http://127.0.0.1:3001', timeoutMs: Number.NaN }, 'Expected `timeoutMs`'],
])('%j is refused when the emitter is made', (options, message) => {
  expect(() => createCursorEmitter(options)).toThrow(message);
});
