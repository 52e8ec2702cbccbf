import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { encodeClientFrame } from '../../../src/bench/fleet/wire.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import type { EmissionPlan } from '../../../src/bench/measure/emission-plan.js';
import { type CounterName, Tally } from '../../../src/bench/measure/tally.js';
import { frameOf, OPCODE } from '../../../src/protocol/frames.js';
import { encodeCursor, PreparedMessage } from '../../../src/protocol/messages.js';
import { within } from '../../support/deadline.js';
import { planOf } from '../measure/plans.js';
import { type LittleServer, type LittleServerOptions, littleServer, type Peer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

const FIRST = 1_000_000;
/** When the run began. */
const START_MS = 5;
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

interface FleetOptions {
  /** Cohorts as a scenario file has them. */
  readonly cohorts: Record<string, Record<string, unknown>>;
  readonly worker?: number;
  readonly workers?: number;
}

/** A fleet in this process, with what it counted, and its cohorts by name. */
class Fleet {
  readonly fleet = new ClientFleet();
  readonly names: string[];
  readonly namespaces: readonly string[];
  readonly #tallies: Tally[];

  constructor(url: string, { cohorts, worker = 0, workers = 1 }: FleetOptions) {
    const scenario = setUpFleet(this.fleet, [url], cohorts, { worker, workers, startMs: START_MS });
    this.names = scenario.cohorts.map(({ name }) => name);
    this.namespaces = scenario.namespaces;
    this.#tallies = scenario.cohorts.map(() => new Tally());
    stops.push(() => this.fleet.end());
  }

  async connect(name: string, { timeoutMs = 5000, ratePerSecond = 100_000 } = {}): Promise<void> {
    const order = {
      kind: 'connect',
      cohort: this.names.indexOf(name),
      startMs: monotonicMs(),
      timeoutMs,
    } as const;
    const arrivals = { fromPerSecond: ratePerSecond, toPerSecond: ratePerSecond };
    await within(this.fleet.connect({ ...order, arrivals }), `the end of connecting ${name}`);
  }

  async disconnect(name: string): Promise<void> {
    await within(
      this.fleet.disconnect({ cohort: this.names.indexOf(name), how: 'close', fraction: 1 }),
      `the leaving of ${name}`,
    );
  }

  /** Everything counted so far about a cohort. */
  tally(name: string): Tally {
    for (const [index, data] of this.fleet.takeCounts().tallies.entries())
      this.#tallies[index]?.add(Tally.from(data));
    return this.#tallies[this.names.indexOf(name)] as Tally;
  }

  /** The counters of a cohort that are not 0. */
  counted(name: string): Partial<Record<CounterName, number>> {
    const entries = Object.entries(this.tally(name).counters);
    return Object.fromEntries(entries.filter(([, count]) => count !== 0));
  }

  open(name: string): number {
    return this.fleet.status().open[this.names.indexOf(name)] as number;
  }
}

async function setUp(fleetOptions: FleetOptions, serverOptions: LittleServerOptions = {}) {
  const server = await littleServer(serverOptions);
  stops.push(() => server.stop());
  return { server, fleet: new Fleet(server.url, fleetOptions) };
}

const one = (settings: Record<string, unknown> = {}): FleetOptions => ({
  cohorts: { few: { clients: 1, namespaces: 'a', ...settings } },
});

describe('connecting', () => {
  test('a client that is let in is open, has shown its token, and says hello', async () => {
    const { server, fleet } = await setUp({ cohorts: { few: { clients: 3, namespaces: ['a', 'b&=?'] } } });
    await fleet.connect('few');
    await server.until(() => server.peers.every(({ texts }) => texts.length === 1), 'the hellos');
    expect(fleet.open('few')).toBe(3);
    expect(fleet.counted('few')).toEqual({ attempts: 3, opened: 3 });
    expect(fleet.tally('few').histograms.handshake.count).toBe(3);
    expect(server.peers.map(({ token }) => token).toSorted()).toEqual(['a', 'a', 'b&=?']);
    const hellos = server.peers.map(({ texts }) => JSON.parse(texts[0] as string));
    expect(hellos.every(({ type }) => type === 'hello')).toBe(true);
    expect(new Set(hellos.map(({ clientId }) => clientId)).size).toBe(3);
  });

  test('one of a cohort without hello says nothing', async () => {
    const { server, fleet } = await setUp(one({ hello: false }));
    await fleet.connect('few');
    await fleet.disconnect('few');
    await server.until(() => server.peers[0]?.closed !== undefined, 'the close');
    expect(server.peers[0]?.texts).toEqual([]);
  });

  test('one that shows no token has none in its URL', async () => {
    const { server, fleet } = await setUp(one({ behavior: 'unauthenticated' }));
    await fleet.connect('few');
    expect(server.peers.map(({ token }) => token)).toEqual([null]);
  });

  test('the clients of a cohort are shared out among the workers, each played by one', async () => {
    const server = await littleServer();
    stops.push(() => server.stop());
    const ids: string[] = [];
    for (const worker of [0, 1, 2]) {
      const fleet = new Fleet(server.url, { cohorts: { few: { clients: 7 } }, worker, workers: 3 });
      await fleet.connect('few');
      expect(fleet.open('few')).toBe(worker === 0 ? 3 : 2);
    }
    await server.until(() => server.peers.every(({ texts }) => texts.length === 1), 'the hellos');
    for (const { texts } of server.peers) ids.push(JSON.parse(texts[0] as string).clientId);
    expect(new Set(ids).size).toBe(7);
  });

  test('they come at the rate asked for, and no faster', async () => {
    const { fleet } = await setUp(one({ clients: 11 }));
    const startMs = monotonicMs();
    await fleet.connect('few', { ratePerSecond: 100 });
    expect(monotonicMs() - startMs).toBeGreaterThanOrEqual(100);
    expect(fleet.open('few')).toBe(11);
  });

  test('clients that are connected are not connected again', async () => {
    const { server, fleet } = await setUp(one());
    await fleet.connect('few');
    await fleet.connect('few');
    expect(fleet.counted('few')).toEqual({ attempts: 1, opened: 1 });
    expect(server.peers).toHaveLength(1);
  });

  test('a cohort that has left can come again, at once', async () => {
    const { server, fleet } = await setUp(one({ clients: 40 }));
    for (let round = 1; round <= 4; round++) {
      await fleet.connect('few');
      expect(fleet.open('few')).toBe(40);
      await fleet.disconnect('few');
    }
    expect(fleet.tally('few').errors.entries()).toEqual([]);
    expect(fleet.tally('few').closed.entries()).toEqual([]);
    expect(fleet.counted('few')).toEqual({ attempts: 160, opened: 160, disconnected: 160 });
    expect(server.peers).toHaveLength(160);
  });
});

describe('being turned away', () => {
  test('a close right after the handshake is counted by code and reason, and answered', async () => {
    const { server, fleet } = await setUp(one({ clients: 5 }), {
      onPeer: ({ socket }) => socket.close(4503, 'Namespace connection limit reached'),
    });
    await fleet.connect('few');
    await server.until(() => server.peers.every(({ closed }) => closed !== undefined), 'the closes');
    expect(fleet.tally('few').closed.entries()).toEqual([['4503 Namespace connection limit reached', 5]]);
    expect(fleet.counted('few')).toEqual({ attempts: 5, opened: 5 });
    expect(fleet.open('few')).toBe(0);
    expect(server.peers.map(({ closed }) => closed?.code)).toEqual([4503, 4503, 4503, 4503, 4503]);
  });

  const answerWith = (text: string) => (raw: Socket) => raw.end(text);
  const accept = (request: { headers: Record<string, unknown> }) =>
    createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');

  test('an HTTP status is a rejection, not an error', async () => {
    const { fleet } = await setUp(one({ clients: 2 }), {
      onUpgrade: answerWith('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
    });
    await fleet.connect('few');
    expect(fleet.tally('few').rejected.entries()).toEqual([['403', 2]]);
    expect(fleet.tally('few').errors.total).toBe(0);
    expect(fleet.counted('few')).toEqual({ attempts: 2 });
    expect(fleet.open('few')).toBe(0);
  });

  test.each([
    ['garbage', 'SSH-2.0-OpenSSH\r\n\r\n', 'ERR_NOT_HTTP'],
    [
      'an accept header that is not the answer to the key',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: nope\r\n\r\n',
      'ERR_ACCEPT_MISMATCH',
    ],
    ['an end without a word', '', 'ERR_CLOSED_IN_HANDSHAKE'],
    ['half an answer', 'HTTP/1.1 101 Switching', 'ERR_CLOSED_IN_HANDSHAKE'],
  ])('%s is an error, under its own code', async (_what, text, code) => {
    const { fleet } = await setUp(one(), { onUpgrade: answerWith(text) });
    await fleet.connect('few');
    expect(fleet.tally('few').errors.entries()).toEqual([[code, 1]]);
    const isBreach = code === 'ERR_ACCEPT_MISMATCH';
    expect(fleet.counted('few')).toEqual({ attempts: 1, ...(isBreach ? { protocolErrors: 1 } : {}) });
    expect(fleet.open('few')).toBe(0);
  });

  test('a reset in the middle of the handshake is an error', async () => {
    const { fleet } = await setUp(one(), { onUpgrade: (raw) => raw.resetAndDestroy() });
    await fleet.connect('few');
    expect(fleet.tally('few').errors.entries()).toEqual([['ECONNRESET', 1]]);
  });

  test('a port where nobody listens is an error', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const fleet = new Fleet(`ws://127.0.0.1:${port}/`, one());
    await fleet.connect('few');
    expect(fleet.tally('few').errors.entries()).toEqual([['ECONNREFUSED', 1]]);
  });

  test('no answer at all is a timeout, after the time that was given', async () => {
    const { server, fleet } = await setUp(one({ clients: 3 }), { onUpgrade: () => {} });
    const startMs = monotonicMs();
    await fleet.connect('few', { timeoutMs: 150 });
    expect(monotonicMs() - startMs).toBeGreaterThanOrEqual(145);
    expect(fleet.counted('few')).toEqual({ attempts: 3, timeouts: 3 });
    expect(fleet.tally('few').errors.total).toBe(0);
    expect(server.peers).toEqual([]);
  });

  test('an answer in many pieces, with the first cursor right behind it, is read like any other', async () => {
    let socket: Socket | undefined;
    const { fleet } = await setUp(one(), {
      onUpgrade: (raw, request) => {
        socket = raw.setNoDelay(true);
        const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(request)}\r\n\r\n`;
        const bytes = Buffer.concat([Buffer.from(head), frameOf(new PreparedMessage('5'))]);
        const pieces = [
          bytes.subarray(0, 3),
          bytes.subarray(3, head.length - 1),
          bytes.subarray(head.length - 1),
        ];
        const next = () => {
          const piece = pieces.shift();
          if (piece !== undefined) raw.write(piece, () => setTimeout(next, 5));
        };
        next();
      },
    });
    await fleet.connect('few');
    expect(fleet.counted('few')).toEqual({ attempts: 1, opened: 1, foreign: 1 });
    // It answers no close.
    socket?.destroy();
  });
});

describe('heartbeat', () => {
  test('each ping is answered with its payload and counted, with the time between two', async () => {
    const { server, fleet } = await setUp(one());
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    for (const [index, payload] of ['', 'one', 'x'.repeat(125)].entries()) {
      peer.socket.ping(payload);
      await server.until(() => peer.pongs.length === index + 1, 'a pong');
    }
    expect(peer.pongs).toEqual(['', 'one', 'x'.repeat(125)]);
    expect(fleet.counted('few')).toMatchObject({ pings: 3 });
    expect(fleet.tally('few').histograms.pingInterval.count).toBe(2);
  });

  test('a silent client counts pings and answers none, and its close is timed from the first', async () => {
    const { server, fleet } = await setUp(one({ behavior: 'silent' }));
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    peer.socket.ping();
    setTimeout(() => peer.socket.ping(), 20);
    setTimeout(() => peer.socket.close(1001, 'Heartbeat timeout'), 60);
    await server.until(() => peer.closed !== undefined, 'the close');
    expect(peer.pongs).toEqual([]);
    expect(fleet.counted('few')).toEqual({ attempts: 1, opened: 1, pings: 2 });
    const { pongTimeout } = fleet.tally('few').histograms;
    expect(pongTimeout.count).toBe(1);
    expect(pongTimeout.minMs).toBeGreaterThanOrEqual(50);
    expect(fleet.tally('few').closed.entries()).toEqual([['1001 Heartbeat timeout', 1]]);
  });

  test('a client with late pongs answers each ping, no sooner than its delay', async () => {
    const { server, fleet } = await setUp(one({ behavior: 'late-pong', pongDelay: '80ms' }));
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    const sentAtMs = performance.now();
    peer.socket.ping('p');
    await server.until(() => peer.pongs.length === 1, 'a pong');
    // A timer may end up to a millisecond early.
    expect(performance.now() - sentAtMs).toBeGreaterThanOrEqual(79);
    expect(peer.pongs).toEqual(['p']);
  });

  test('a healthy client closed for not answering has been killed, and one that is told to go away has not', async () => {
    const { server, fleet } = await setUp(one({ clients: 2 }));
    await fleet.connect('few');
    server.peers[0]?.socket.close(1001, 'Heartbeat timeout');
    server.peers[1]?.socket.close(1001, 'Going Away');
    await server.until(() => server.peers.every(({ closed }) => closed !== undefined), 'the closes');
    expect(fleet.counted('few')).toEqual({ attempts: 2, opened: 2, falseTimeouts: 1 });
  });
});

describe('reading', () => {
  test('a client with a read rate takes no more in a second than that, and misses nothing', async () => {
    const { server, fleet } = await setUp(one({ behavior: 'slow-reader', readRate: '4KiB/s' }));
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    const sentAtMs = performance.now();
    const message = 'x'.repeat(125);
    for (let sent = 0; sent < 16; sent++) peer.socket.send(message);
    peer.socket.ping('behind all of it');
    await server.until(() => peer.pongs.length === 1, 'a pong');
    // 2 KB, of which the first read comes at once.
    expect(performance.now() - sentAtMs).toBeGreaterThan(200);
    expect(peer.closed).toBeUndefined();
  });
});

describe('the end of a connection', () => {
  test('leaving is a proper close that the server sees as 1000', async () => {
    const { server, fleet } = await setUp(one({ clients: 3 }));
    await fleet.connect('few');
    await fleet.disconnect('few');
    await server.until(() => server.peers.every(({ closed }) => closed !== undefined), 'the closes');
    expect(server.peers.map(({ closed }) => closed?.code)).toEqual([1000, 1000, 1000]);
    expect(fleet.counted('few')).toEqual({ attempts: 3, opened: 3, disconnected: 3 });
    expect(fleet.tally('few').closed.total).toBe(0);
    expect(fleet.open('few')).toBe(0);
  });

  test.each([
    ['a reset', (peer: Peer) => peer.raw.resetAndDestroy()],
    ['an end without a close frame', (peer: Peer) => peer.raw.end()],
  ])('%s is 1006, once', async (_what, end) => {
    const { server, fleet } = await setUp(one());
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    end(peer);
    await server.until(() => peer.closed !== undefined && fleet.open('few') === 0, 'the end').catch(() => {});
    await untilOpen(fleet, 0);
    expect(fleet.tally('few').closed.entries()).toEqual([['1006', 1]]);
    expect(fleet.counted('few')).toEqual({ attempts: 1, opened: 1 });
  });

  test('a masked frame of the server is a protocol error, and the connection is over', async () => {
    const { server, fleet } = await setUp(one());
    await fleet.connect('few');
    server.peers[0]?.raw.write(encodeClientFrame(OPCODE.text, Buffer.from('no')));
    await untilOpen(fleet, 0);
    expect(fleet.counted('few')).toEqual({ attempts: 1, opened: 1, protocolErrors: 1 });
    expect(fleet.tally('few').closed.entries()).toEqual([['1006', 1]]);
  });

  test('at the end of a run everybody leaves, and a cut tells who was open until then', async () => {
    const { server, fleet } = await setUp({
      cohorts: { few: { clients: 2 }, more: { clients: 3 }, none: { clients: 1 } },
    });
    await fleet.connect('few');
    await fleet.connect('more');
    expect(fleet.fleet.takeCounts().open).toEqual([2, 3, 0]);
    await within(fleet.fleet.end(), 'the end of everybody');
    await server.until(() => server.peers.every(({ closed }) => closed !== undefined), 'the closes');
    expect(fleet.fleet.status().open).toEqual([0, 0, 0]);
  });

  test.each<[string, number, (peer: Peer) => void]>([
    ['at once', 0, () => {}],
    ['after a cursor', 1, (peer) => peer.cursors(1)],
    ['after a ping', 1, (peer) => peer.socket.ping()],
  ])('a refusal %s is late: %i', async (_what, late, serve) => {
    const { server, fleet } = await setUp(one());
    await fleet.connect('few');
    const peer = server.peers[0] as Peer;
    serve(peer);
    peer.socket.close(4503, 'Connection limit reached');
    await untilOpen(fleet, 0);
    expect(fleet.tally('few').counters.refusedLate).toBe(late);
  });

  test('a cut tells to whom no ping has come on the connection that is open', async () => {
    const { server, fleet } = await setUp(one({ clients: 3 }));
    await fleet.connect('few');
    server.peers[0]?.socket.ping();
    await server.until(() => server.peers[0]?.pongs.length === 1, 'the pong');
    expect(fleet.fleet.takeCounts().unpinged).toEqual([2]);
    await fleet.disconnect('few');
    expect(fleet.fleet.takeCounts().unpinged).toEqual([0]);
  });

  test('the tallies of one cut do not come again in the next', async () => {
    const { fleet } = await setUp(one());
    await fleet.connect('few');
    expect(fleet.fleet.takeCounts().tallies[0]?.counters.opened).toBe(1);
    expect(fleet.fleet.takeCounts().tallies[0]?.counters.opened).toBe(0);
  });
});

/** Polls what has no event: a socket of the fleet that the other side has ended. */
async function untilOpen(fleet: Fleet, count: number): Promise<void> {
  await expect.poll(() => fleet.open('few'), { interval: 5, timeout: 5000 }).toBe(count);
}

describe('cursor integrity', () => {
  let server: LittleServer;
  let fleet: Fleet;
  let plan: EmissionPlan;

  /** The connection of the n-th client of a namespace. */
  const peer = (namespace: string, index = 0): Peer =>
    server.peers.filter(({ token }) => token === namespace)[index] as Peer;

  /** Cursors of the plan by namespace: even ones go to `a`, odd ones to `b`. */
  const A = [0, 2, 4, 6, 8].map((index) => FIRST + index) as [number, number, number, number, number];
  const B = [1, 3, 5, 7, 9].map((index) => FIRST + index) as [number, number, number, number, number];

  beforeEach(async () => {
    ({ server, fleet } = await setUp({
      cohorts: { few: { clients: 2, namespaces: 'a' }, other: { clients: 1, namespaces: 'b' } },
    }));
    await fleet.connect('few');
    await fleet.connect('other');
    await server.until(() => server.peers.length === 3, 'all connections');
    plan = planOf({
      firstCursor: FIRST,
      count: 10,
      namespaces: [fleet.namespaces.indexOf('a'), fleet.namespaces.indexOf('b')],
      startMs: monotonicMs(),
      intervalMs: 1,
    });
    fleet.fleet.expectPlan(plan);
  });

  const settle = (parts: { emitted?: number; failed?: number[]; waitMs?: number } = {}) => {
    const { emitted = 10, failed = [], waitMs = 5000 } = parts;
    const order = { plan: plan.id, emitted, failed, deadlineMs: monotonicMs() + waitMs };
    return within(fleet.fleet.settle(order), 'the settling');
  };
  const deliver = () => {
    peer('a', 0).cursors(...A);
    peer('a', 1).cursors(...A);
    peer('b').cursors(...B);
  };
  /** The first of each fault that a cohort has seen. */
  const seen = (name: string) =>
    Object.fromEntries(
      fleet
        .tally(name)
        .evidence.entries()
        .map(([fault, { atMs, ...rest }]) => [fault, rest]),
    );
  const few = { attempts: 2, opened: 2, expected: 10, received: 10 };
  const other = { attempts: 1, opened: 1, expected: 5, received: 5 };
  /** Waits for cursors that nobody waits for otherwise. */
  const received = (count: number) =>
    expect.poll(() => fleet.fleet.status().received, { interval: 5, timeout: 5000 }).toBe(count);

  test('the same number in other digits is no cursor of bench', async () => {
    peer('b').socket.send(encodeCursor(`0${B[0]}`));
    await received(1);
    expect(fleet.counted('other')).toMatchObject({ foreign: 1 });
    expect(seen('other')).toMatchObject({ foreign: { cursor: `0${B[0]}` } });
    expect(fleet.tally('other').counters.received).toBe(0);
  });

  test.each([
    ['an extra field', (cursor: number) => `{"type":"cursor","cursor":"${cursor}","targeting":{"x":1}}`],
    ['blanks', (cursor: number) => `{"type": "cursor", "cursor": "${cursor}"}`],
    ['a JSON number', (cursor: number) => `{"cursor":${cursor},"type":"cursor"}`],
    ['an escape', (cursor: number) => `{"type":"cursor","cursor":"\\u0031${String(cursor).slice(1)}"}`],
    [
      'one of two layouts',
      (cursor: number) => `{"type":"cursor","cursor":"${cursor}"}${'\n'.repeat(cursor % 3)}`,
    ],
  ])('cursors with %s are what was emitted: all counts are as with ours', async (_what, write) => {
    const send = (to: Peer, cursors: readonly number[]) => {
      for (const cursor of cursors) to.socket.send(write(cursor));
    };
    send(peer('a', 0), A);
    send(peer('a', 1), [A[0], A[2], A[1], A[3], A[3], A[4]]);
    send(peer('b'), [...B.slice(0, 4), A[0]]);
    await received(16);
    await settle({ waitMs: 40 });
    expect(fleet.counted('few')).toEqual({ ...few, received: 11, reordered: 1, duplicated: 1 });
    expect(fleet.counted('other')).toEqual({ ...other, received: 5, lost: 1, leaked: 1 });
  });

  test.each([
    ['other digits', `{"cursor":"0${FIRST + 1}","type":"cursor"}`, `0${FIRST + 1}`],
    ['something behind the digits', `{"type":"cursor","cursor":"${FIRST + 1}x"}`, `${FIRST + 1}x`],
    ['no digits at all', '{"type":"cursor","cursor":"\\u001b[2Jabc"}', '\\u001b[2Jabc'],
  ])('a cursor with %s is foreign, whatever the layout, and shown as it came', async (_what, text, shown) => {
    peer('b').socket.send(text);
    await received(1);
    expect(fleet.counted('other')).toMatchObject({ foreign: 1 });
    expect(seen('other')).toMatchObject({ foreign: { cursor: shown } });
  });

  test('a long cursor is foreign when something else stands in place of its zeros', async () => {
    const long = planOf({
      id: plan.id + 1,
      firstCursor: FIRST + 100,
      count: 1,
      namespaces: plan.namespaces.slice(1),
      cursorLength: 10,
    });
    fleet.fleet.expectPlan(long);
    peer('b').socket.send(`{"cursor":"${FIRST + 100}   ","type":"cursor"}`);
    peer('b').socket.send(`{"cursor":"000${FIRST + 100}","type":"cursor"}`);
    await received(2);
    expect(fleet.counted('other')).toMatchObject({ foreign: 1, received: 1 });
  });

  test('what is not a cursor is neither lost nor foreign, and the first of each kind is kept, fit to be shown', async () => {
    const { socket } = peer('b');
    socket.send('{"type":"welcome","for":"b"}');
    socket.send('{"type":"welcome","for":"c"}');
    socket.send(`\u001b[2J${'x'.repeat(500)}`);
    socket.send(Buffer.alloc(40, 7));
    deliver();
    await settle();
    expect(fleet.counted('other')).toEqual(other);
    expect(fleet.counted('few')).toEqual(few);
    const kinds = fleet.tally('other').otherMessages.entries();
    expect(kinds.map(({ kind, count, first: { text } }) => [kind, count, text])).toEqual([
      ['type "welcome"', 2, '{"type":"welcome","for":"b"}'],
      ['binary', 1, `40 bytes: ${Array(32).fill('07').join(' ')} …`],
      ['text that is not JSON', 1, `\\u001b[2J${'x'.repeat(116)}…`],
    ]);
    expect(kinds[0]?.first).toMatchObject({ client: 0, namespace: 'b' });
  });

  test('where every message has a layout of its own, all are read all the same', async () => {
    const many = Array.from(
      { length: 40 },
      (_, index) => `{"type":"cursor","n":"${'x'.repeat(index)}","cursor":"${B[index % 5]}"}`,
    );
    for (const text of many) peer('b').socket.send(text);
    await received(40);
    expect(fleet.counted('other')).toMatchObject({ received: 40, duplicated: 35 });
  });

  test.each([
    ['too large to be a number', encodeCursor('9'.repeat(30))],
    ['longer than anybody needs', encodeCursor('7'.padStart(100, '0'))],
  ])('a cursor that is %s is foreign, and is not kept', async (_what, text) => {
    peer('b').socket.send(text);
    await received(1);
    expect(seen('other')).toEqual({ foreign: { client: 0, namespace: 'b' } });
  });

  test.each<[string, number, (one: Peer) => unknown]>([
    ['that the server ends must have got', 5, (one) => one.socket.close(1011)],
    ['that leaves need not have got', 0, () => fleet.disconnect('other')],
  ])('a client %s what was due more than a second ago', async (_who, lost, end) => {
    const due = planOf({
      id: plan.id + 1,
      firstCursor: FIRST + 100,
      count: 5,
      namespaces: plan.namespaces.slice(1),
      startMs: monotonicMs(),
      intervalMs: 100,
    });
    fleet.fleet.expectPlan(due);
    // Two seconds later.
    fleet.fleet.now = () => monotonicMs() + 2000;
    await end(peer('b'));
    await expect.poll(() => fleet.open('other'), { interval: 5, timeout: 5000 }).toBe(0);
    await fleet.fleet.settle({ plan: due.id, emitted: 5, failed: [], deadlineMs: monotonicMs() });
    expect(fleet.tally('other').counters).toMatchObject({ expected: lost, lost });
  });

  test('a plan whose receivers have all left has no clients that could converge', async () => {
    await fleet.disconnect('few');
    await fleet.disconnect('other');
    expect(await settle()).toMatchObject({ receivers: 0 });
  });

  test('everything delivered, once, in order and to the right ones: nothing else is counted', async () => {
    deliver();
    const { skew, lastReceiptMs } = await settle();
    expect(fleet.counted('few')).toEqual(few);
    expect(fleet.counted('other')).toEqual(other);
    expect({ ...seen('few'), ...seen('other') }).toEqual({});
    expect(fleet.tally('few').histograms.fanout.count).toBe(10);
    expect(skew.first).toHaveLength(10);
    expect(lastReceiptMs).toBeGreaterThan(plan.startMs);
  });

  test('settling ends as soon as everything is there, long before its deadline', async () => {
    const settled = settle({ waitMs: 60_000 });
    deliver();
    await settled;
    expect(fleet.counted('few')).toEqual(few);
  });

  test('one that does not come is lost, once, for that client alone', async () => {
    peer('a', 0).cursors(A[0], A[1], A[3], A[4]);
    peer('a', 1).cursors(...A);
    peer('b').cursors(...B);
    await received(14);
    await settle({ waitMs: 60 });
    expect(fleet.counted('few')).toEqual({ ...few, received: 9, lost: 1 });
    expect(fleet.counted('other')).toEqual(other);
    expect(fleet.tally('few').evidence.entries()).toEqual([
      [
        'lost',
        {
          atMs: plan.startMs + 4 - START_MS,
          client: expect.any(Number),
          namespace: 'a',
          cursor: String(A[2]),
        },
      ],
    ]);
    expect(seen('other')).toEqual({});
  });

  test('the newest of all, when it does not come, is lost too', async () => {
    peer('a', 0).cursors(...A);
    peer('a', 1).cursors(...A);
    peer('b').cursors(...B.slice(0, 4));
    await received(14);
    await settle({ waitMs: 60 });
    expect(fleet.counted('other')).toEqual({ ...other, received: 4, lost: 1 });
    expect(fleet.counted('few')).toEqual(few);
  });

  test('one that comes twice is a duplicate, and nothing else', async () => {
    deliver();
    peer('b').cursors(B[2]);
    await received(16);
    await settle();
    expect(fleet.counted('other')).toEqual({ ...other, received: 6, duplicated: 1 });
    expect(seen('other')).toEqual({ duplicated: { client: 0, namespace: 'b', cursor: String(B[2]) } });
  });

  test('two that swapped places are one reordering, and nothing lost', async () => {
    peer('a', 0).cursors(A[0], A[2], A[1], A[3], A[4]);
    peer('a', 1).cursors(...A);
    peer('b').cursors(...B);
    await settle();
    expect(fleet.counted('few')).toEqual({ ...few, reordered: 1 });
    expect(seen('few')).toMatchObject({ reordered: { cursor: String(A[1]), after: String(A[2]) } });
  });

  test('one of another namespace is leaked, and neither expected nor a duplicate there', async () => {
    const fromMs = monotonicMs() - START_MS;
    deliver();
    peer('b').cursors(A[4]);
    await received(16);
    await settle();
    expect(seen('other')).toEqual({
      leaked: { client: 0, namespace: 'b', cursor: String(A[4]), emittedTo: 'a' },
    });
    const { atMs = 0 } = fleet.tally('other').evidence.entries()[0]?.[1] ?? {};
    expect(atMs).toBeGreaterThanOrEqual(fromMs);
    expect(atMs).toBeLessThanOrEqual(monotonicMs() - START_MS);
    expect(fleet.counted('other')).toEqual({ ...other, received: 6, leaked: 1 });
    expect(fleet.counted('few')).toEqual(few);
  });

  test('one that bench did not emit is foreign, and not leaked', async () => {
    deliver();
    peer('b').cursors(FIRST - 1, FIRST + 10, 42);
    await received(18);
    await settle();
    expect(fleet.counted('other')).toEqual({ ...other, foreign: 3 });
    expect(seen('other')).toEqual({ foreign: { client: 0, namespace: 'b', cursor: String(FIRST - 1) } });
  });

  test('one that comes after the account is settled is late, beside having been lost', async () => {
    peer('a', 0).cursors(...A);
    peer('a', 1).cursors(...A);
    peer('b').cursors(...B.slice(0, 4));
    await received(14);
    await settle({ waitMs: 40 });
    peer('b').cursors(B[4]);
    await received(15);
    expect(fleet.counted('other')).toEqual({ ...other, lost: 1, late: 1 });
  });

  test('emits that failed, or were never made, are expected of nobody', async () => {
    peer('a', 0).cursors(A[0], A[2]);
    peer('a', 1).cursors(A[0], A[2]);
    peer('b').cursors(B[0], B[1], B[2]);
    // Six of ten went out, and the third, which is the second of `a`, failed.
    await settle({ emitted: 6, failed: [2] });
    expect(fleet.counted('few')).toEqual({ ...few, expected: 4, received: 4 });
    expect(fleet.counted('other')).toEqual({ ...other, expected: 3, received: 3 });
  });

  test('a client that leaves in the middle does not lose what was under way', async () => {
    peer('a', 0).cursors(...A);
    peer('a', 1).cursors(...A);
    peer('b').cursors(B[0], B[1]);
    await received(12);
    await fleet.disconnect('other');
    await settle();
    expect(fleet.counted('other')).toEqual({ ...other, expected: 2, received: 2, disconnected: 1 });
    expect(fleet.counted('few')).toEqual(few);
  });

  test('a client that leaves does lose the one it had missed before a newer one came', async () => {
    deliver();
    await received(15);
    const behind = peer('b');
    plan = { ...plan, id: 2, firstCursor: FIRST + 100, startMs: monotonicMs() };
    await settleFirst();
    fleet.fleet.expectPlan(plan);
    behind.cursors(FIRST + 101, FIRST + 105);
    await received(17);
    await fleet.disconnect('other');
    peer('a', 0).cursors(...A.map((cursor) => cursor + 100));
    peer('a', 1).cursors(...A.map((cursor) => cursor + 100));
    await settle();
    expect(fleet.counted('other')).toMatchObject({ expected: 5 + 3, received: 5 + 2, lost: 1 });
    expect(seen('other')).toMatchObject({ lost: { cursor: String(FIRST + 103) } });
  });

  const settleFirst = () =>
    within(
      fleet.fleet.settle({ plan: 1, emitted: 10, failed: [], deadlineMs: monotonicMs() + 5000 }),
      'the settling of the first plan',
    );

  test('a plan that nobody was told of cannot be settled', async () => {
    const order = { plan: 99, emitted: 1, failed: [], deadlineMs: monotonicMs() };
    await expect(fleet.fleet.settle(order)).rejects.toThrow('plan 99');
  });
});

test('a client that joins in the middle of a plan need not have what came before it', async () => {
  const { server, fleet } = await setUp({
    cohorts: { few: { clients: 1, namespaces: 'a' }, late: { clients: 1, namespaces: 'a' } },
  });
  await fleet.connect('few');
  // Half of the plan is due long ago, the other half in a while.
  const plan = planOf({ firstCursor: FIRST, count: 4, startMs: monotonicMs() - 10_000, intervalMs: 6000 });
  fleet.fleet.expectPlan(plan);
  await fleet.connect('late');
  await server.until(() => server.peers.length === 2, 'both');
  const [first, second] = server.peers as [Peer, Peer];
  first.cursors(FIRST, FIRST + 1, FIRST + 2, FIRST + 3);
  second.cursors(FIRST + 2, FIRST + 3);
  await within(
    fleet.fleet.settle({ plan: 1, emitted: 4, failed: [], deadlineMs: monotonicMs() + 5000 }),
    'the settling',
  );
  expect(fleet.counted('late')).toEqual({ attempts: 1, opened: 1, expected: 2, received: 2 });
});
