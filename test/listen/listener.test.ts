import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionEnd } from '../../src/listen/connection.js';
import {
  keepsBackoff,
  Listener,
  type ListenerOptions,
  type ListenObserver,
  maySucceed,
} from '../../src/listen/listener.js';
import { within } from '../support/deadline.js';
import {
  type Answer,
  accepting,
  close,
  cursor,
  disposeUpgradeServers,
  frame,
  text,
  upgradeServer,
} from './upgrade-server.js';

afterEach(disposeUpgradeServers);

const closing =
  (code: number, ...before: Buffer[]): Answer =>
  (socket, head) =>
    socket.end(Buffer.concat([Buffer.from(accepting(head)), ...before, close(code)]));
const refusing: Answer = (socket) => socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n');

/** Runs a listener against a server that answers each connection as listed; the last must end it. */
async function listenTo(answers: readonly Answer[], options: Partial<ListenerOptions> = {}) {
  const url = await upgradeServer((socket, head, index) => answers[index]?.(socket, head, index));
  const told: string[] = [];
  const waits: (number | undefined)[] = [];
  const observer: ListenObserver = {
    connected: () => told.push('connected'),
    cursor: (value, isNewer) => told.push(`${value}${isNewer ? '' : ' old'}`),
    ignored: (kind) => told.push(`ignored ${kind}`),
    ping: () => told.push('ping'),
    ended(end, retryInMs) {
      told.push(end.kind === 'closed' ? String(end.code) : end.kind);
      waits.push(retryInMs);
    },
  };
  const listener = new Listener(
    {
      url,
      token: undefined,
      tokenVia: 'query',
      tls: undefined,
      clientId: 'listen-1',
      reconnect: true,
      wait: async () => {},
      ...options,
    },
    observer,
  );
  const end = await within(listener.run(), () => `the end of the listener: ${told}`);
  return { told, end, waits };
}

describe('a listener', () => {
  test('connects again after a close, and remembers the newest cursor', async () => {
    const { told, end } = await listenTo([
      closing(1001, cursor(5)),
      closing(1001, cursor(5), cursor(6), cursor('x')),
      closing(4401),
    ]);
    expect(told).toEqual(['connected', '5', '1001', 'connected', '5 old', '6', 'x old', '1001', '4401']);
    expect(end).toMatchObject({ kind: 'closed', code: 4401 });
  });

  test('waits as DataFn clients do: 1 s × 2ⁿ and up to 500 ms, from the start after each connection', async () => {
    const { waits } = await listenTo([
      refusing,
      refusing,
      refusing,
      closing(1001, cursor(1)),
      refusing,
      closing(4401),
    ]);
    expect(waits.map((ms) => ms && Math.floor(ms / 1000))).toEqual([1, 2, 4, 1, 2, undefined]);
    for (const [index, ms] of waits.slice(0, -1).entries()) {
      const least = [1000, 2000, 4000, 1000, 2000][index] as number;
      expect(ms).toBeGreaterThanOrEqual(least);
      expect(ms).toBeLessThan(least + 500);
    }
  });

  test('does not start again from the shortest wait after 4503 and 1013', async () => {
    const { waits } = await listenTo([closing(4503), closing(1013), closing(4503), closing(4401)]);
    expect(waits.map((ms) => ms && Math.floor(ms / 1000))).toEqual([1, 2, 4, undefined]);
  });

  test('without reconnecting ends with the first connection', async () => {
    const { told, end, waits } = await listenTo([closing(1001, cursor(1))], { reconnect: false });
    expect(told).toEqual(['connected', '1', '1001']);
    expect(end).toMatchObject({ code: 1001, wasConnected: true });
    expect(waits).toEqual([undefined]);
  });

  test('tells of pings, and of messages that a DataFn client ignores', async () => {
    const { told } = await listenTo([closing(4401, frame(0x9, 'p'), text('hi'), cursor(1))]);
    expect(told).toEqual(['connected', 'ping', expect.stringMatching(/^ignored .*not JSON/), '1', '4401']);
  });

  test('can be stopped while it waits for the next try', async () => {
    let listener: Listener | undefined;
    const url = await upgradeServer(refusing);
    const observer = { connected() {}, cursor() {}, ignored() {}, ping() {}, ended: () => listener?.stop() };
    const options = { url, token: undefined, tokenVia: 'query', tls: undefined, reconnect: true } as const;
    listener = new Listener({ ...options, clientId: 'x' }, observer);
    expect(await within(listener.run(), 'the end')).toMatchObject({ kind: 'answered' });
  });
});

describe('whether another try may go better', () => {
  const closed = (code: number, reason = ''): ConnectionEnd => ({
    kind: 'closed',
    code,
    reason,
    wasConnected: true,
    error: undefined,
  });
  const answered = (status: number): ConnectionEnd => ({
    kind: 'answered',
    status,
    statusText: '',
    location: undefined,
    detail: undefined,
  });
  const unreachable = (code?: string): ConnectionEnd => ({
    kind: 'unreachable',
    error: Object.assign(new Error(''), { code }),
  });

  test.each<[ConnectionEnd, boolean, boolean]>([
    [closed(1001), true, true],
    [closed(1006), true, true],
    [closed(4503), true, true],
    [closed(4401, 'Token expired'), true, true],
    [closed(4401, 'Unauthorized'), false, false],
    [closed(4403), false, false],
    [answered(301), false, true],
    [answered(401), false, true],
    [answered(404), false, true],
    [answered(429), true, true],
    [answered(502), true, true],
    [answered(503), true, true],
    [{ kind: 'breach', what: '' }, false, true],
    [unreachable('ECONNREFUSED'), true, true],
    [unreachable('ENETUNREACH'), true, true],
    [unreachable('ENOTFOUND'), false, true],
    [unreachable('DEPTH_ZERO_SELF_SIGNED_CERT'), false, true],
    [unreachable(), false, true],
  ])('after %j: at first %s, and once it has been connected %s', (end, atFirst, later) => {
    expect([maySucceed(end, false), maySucceed(end, true)]).toEqual([atFirst, later]);
  });

  test('only 4503 and 1013 keep the backoff', () => {
    const codes = [1000, 1001, 1006, 1008, 1013, 4401, 4503].filter(keepsBackoff);
    expect(codes).toEqual([1013, 4503]);
  });
});
