import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type DevServer, type DevServerOptions, startDevServer } from '../../../src/server/dev/dev-server.js';
import { call } from '../../support/http-call.js';
import { disposeLive, openClient } from '../../support/live-server.js';
import { watchSourceTimers } from '../../support/source-timers.js';
import { cursorsOf } from '../faults/faulty-server.js';

let server: DevServer | undefined;

async function start(options?: DevServerOptions): Promise<DevServer> {
  server = await startDevServer(options);
  return server;
}

afterEach(async () => {
  vi.useRealTimers();
  await server?.close();
  await disposeLive();
});

test('listens on a free port of this machine, and names what clients need', async () => {
  const { wsUrl, apiUrl, remote, port } = await start();
  expect([wsUrl, apiUrl, remote]).toEqual([
    `ws://127.0.0.1:${port}/datafn/ws`,
    `http://127.0.0.1:${port}`,
    `http://127.0.0.1:${port}/datafn`,
  ]);
});

test('emit counts up in each namespace, from the highest that was given', async () => {
  const { wsUrl, emit } = await start();
  const alice = await openClient(wsUrl, 'a');
  expect([emit('a'), emit('b'), emit('a', 41), emit('a'), emit('a', '7'), emit('a')]).toEqual([
    { cursor: '1', delivered: 1 },
    { cursor: '1', delivered: 0 },
    { cursor: '41', delivered: 1 },
    { cursor: '42', delivered: 1 },
    { cursor: '7', delivered: 1 },
    { cursor: '43', delivered: 1 },
  ]);
  expect(cursorsOf(await alice.received(5))).toEqual(['1', '41', '42', '7', '43']);
  expect(() => emit('')).toThrow(
    'Expected a namespace and a cursor, got a non-empty string, got an empty one',
  );
});

test('until hands out what was refused: an upgrade, and a request of the API', async () => {
  const { apiUrl, until } = await start();
  await call('GET', `${apiUrl}/elsewhere`, { headers: { upgrade: 'websocket', connection: 'upgrade' } });
  expect(await until('rejectedUpgrade')).toMatchObject({
    status: 404,
    detail: expect.stringContaining('/elsewhere'),
  });
  await call('GET', `${apiUrl}/v1/nothing`);
  expect(await until('rejectedRequest')).toMatchObject({ status: 404, request: { method: 'GET' } });
});

test('clients lists those that are connected, with what their hello said', async () => {
  const { wsUrl, clients, until } = await start();
  const alice = await openClient(wsUrl, 'a');
  await openClient(wsUrl, 'b');
  alice.say('{"type":"hello","clientId":"tab-a"}');
  await until('hello');
  expect(clients('a')).toMatchObject([{ namespace: 'a', clientId: 'tab-a', remoteAddress: '127.0.0.1' }]);
  expect(clients().map(({ namespace }) => namespace)).toEqual(['a', 'b']);
});

describe('until', () => {
  test('hands out each event once, those before the call included, oldest first', async () => {
    const { wsUrl, until } = await start();
    await openClient(wsUrl, 'a');
    await openClient(wsUrl, 'b');
    const third = until('connected', ({ connection }) => connection.namespace === 'c');
    await openClient(wsUrl, 'c');
    expect((await third).connections).toBe(3);
    expect((await until('connected', ({ connection }) => connection.namespace === 'b')).connections).toBe(2);
    expect((await until('connected')).connection.namespace).toBe('a');
    await expect(until('connected', undefined, { timeoutMs: 5 })).rejects.toThrow(
      'No `connected` that fits came within 5 ms. Nothing else has happened',
    );
  });

  test('an error names what has happened instead', async () => {
    const { wsUrl, until, emit } = await start();
    await openClient(wsUrl, 'a');
    emit('a');
    await expect(until('hello', undefined, { timeoutMs: 5 })).rejects.toThrow(
      'What has happened and was not waited for: connected, broadcast',
    );
  });

  test('fails when the server is closed', async () => {
    const { until, close } = await start();
    const waiting = expect(until('hello')).rejects.toThrow('The server was closed before `hello` came');
    await close();
    await waiting;
  });
});

describe('faults', () => {
  test('are in force before the first client comes', async () => {
    const { wsUrl, until } = await start({ faults: [{ fault: 'refuse', code: 4401, reason: 'no' }] });
    expect(await (await openClient(wsUrl, 'a')).closed()).toEqual({ code: 4401, reason: 'no' });
    expect(await until('refused')).toMatchObject({ code: 4401 });
    expect(await until('fault')).toMatchObject({ fault: 'refuse' });
  });

  test('are set as a preset, rules or a plan, listed, and cleared', async () => {
    const { faults } = await start({ faults: 'deploy', namespaceProvider: () => 'a' });
    expect(faults.list().rules.map(({ fault }) => fault)).toEqual(['restart']);
    faults.set([{ fault: 'drop' }]);
    faults.set({ seed: 3, rules: [{ fault: 'delay', delayMs: 1 }] });
    expect(faults.list()).toMatchObject({ seed: 3, rules: [{ fault: 'delay' }], isActive: true });
    expect(() => faults.set('deploi' as 'deploy')).toThrow('Did you mean `deploy`?');
    expect(faults.list().seed).toBe(3);
    faults.clear();
    expect(faults.list()).toEqual({ seed: 1, rules: [], isActive: false });
  });

  test('that are not valid fail the start', async () => {
    await expect(startDevServer({ faults: [{ fault: 'dorp' as 'drop' }] })).rejects.toThrow(
      'Did you mean `drop`?',
    );
  });
});

test('an observer of the test gets the events as well', async () => {
  const seen: string[] = [];
  const { wsUrl, until } = await start({
    observer: { connected: ({ namespace }) => seen.push(namespace ?? '') },
  });
  await openClient(wsUrl, 'a');
  await until('connected');
  expect(seen).toEqual(['a']);
});

test('no timer is left behind when it is closed, whatever was held back', async () => {
  const timers = watchSourceTimers();
  onTestFinished(timers.restore);
  const { wsUrl, emit, close, faults } = await start({
    faults: [
      { fault: 'delay', delayMs: 60_000 },
      { fault: 'drop-last', burstMs: 60_000 },
      { fault: 'late-heartbeat', delayMs: 60_000 },
      { fault: 'offline', everyMs: 60_000, downMs: 1, forMs: 120_000 },
    ],
  });
  expect(timers.pending().length).toBeGreaterThan(1);
  const client = await openClient(wsUrl, 'a');
  emit('a');
  const closing = close();
  await client.gone();
  await closing;
  expect(timers.pending()).toEqual([]);
  expect(faults.list().rules).toEqual([]);
});

test('time can be faked: a delay of a minute passes at once', async () => {
  const { wsUrl, emit, faults } = await start();
  const client = await openClient(wsUrl, 'a');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  faults.set([{ fault: 'delay', delayMs: 60_000 }]);
  emit('a', 42);
  vi.advanceTimersByTime(59_000);
  await client.roundTrip();
  expect(client.texts).toEqual([]);
  vi.advanceTimersByTime(1000);
  vi.useRealTimers();
  expect(cursorsOf(await client.received(1))).toEqual(['42']);
});
