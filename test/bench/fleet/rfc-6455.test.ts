import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ClientFleet } from '../../../src/bench/fleet/client-fleet.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { Tally, type TallyData } from '../../../src/bench/measure/tally.js';
import { encodeServerFrame, OPCODE } from '../../../src/protocol/frames.js';
import { within } from '../../support/deadline.js';
import { type LittleServer, littleServer, type Peer } from './little-server.js';
import { setUpFleet } from './set-up-fleet.js';

// What RFC 6455 lets a server send, and what it does not, in bytes. The second opinion is the client of the `ws`
// package, which gets the same bytes; where it is more lenient than the RFC, the row says so.

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

interface Row {
  readonly section: string;
  readonly what: string;
  /** What the server sends. */
  readonly bytes: Buffer;
  /** The close code with which the client has to end the connection; `undefined` for what is legal. */
  readonly ends?: number;
  /** What bench counts as closed; by default nothing for what is legal, and 1006 for what is not. */
  readonly closed?: string;
  /** Kinds of messages that are not cursors. */
  readonly others?: readonly string[];
  /** Whether `ws` takes what is not legal. */
  readonly wsIsLenient?: true;
}

const text = (content: string | Buffer) => encodeServerFrame(OPCODE.text, Buffer.from(content));
const binary = (content: string) => encodeServerFrame(OPCODE.binary, Buffer.from(content));
const continuation = (content: string | Buffer) =>
  encodeServerFrame(OPCODE.continuation, Buffer.from(content));
const ping = (content: string | Buffer) => encodeServerFrame(OPCODE.ping, Buffer.from(content));
const pong = (content: string) => encodeServerFrame(OPCODE.pong, Buffer.from(content));
const close = (...payload: number[]) => encodeServerFrame(OPCODE.close, Buffer.from(payload));
const closeWith = (code: number, reason: string | Buffer = '') =>
  close(code >> 8, code & 0xff, ...Buffer.from(reason));
/** The same frame with other bits in its first byte. */
const withHead = (frame: Buffer, change: (head: number) => number) => {
  const copy = Buffer.from(frame);
  copy[0] = change(copy[0] as number);
  return copy;
};
const unfinished = (frame: Buffer) => withHead(frame, (head) => head & 0x7f);
const all = (...frames: Buffer[]) => Buffer.concat(frames);
const NOT_UTF8 = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
const EURO = Buffer.from('€');

const illegal = (section: string, what: string, bytes: Buffer, more: Partial<Row> = {}): Row => ({
  section,
  what,
  bytes,
  ends: 1002,
  ...more,
});
const legal = (section: string, what: string, bytes: Buffer, ...others: string[]): Row => ({
  section,
  what,
  bytes,
  others,
});
const NO_JSON = 'text that is not JSON';

const ROWS: readonly Row[] = [
  illegal('5.1', 'a masked frame', Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x7a, 0x7f])),
  illegal('5.1', 'a masked ping', Buffer.from([0x89, 0x80, 1, 2, 3, 4])),
  ...[0x40, 0x20, 0x10].flatMap((bit, index) => [
    illegal(
      '5.2',
      `a text with RSV${index + 1}`,
      withHead(text('{}'), (head) => head | bit),
    ),
    illegal(
      '5.2',
      `a ping with RSV${index + 1}`,
      withHead(ping(''), (head) => head | bit),
    ),
  ]),
  ...[3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map((opcode) =>
    illegal('5.2', `opcode ${opcode}`, Buffer.from([0x80 | opcode, 0])),
  ),
  illegal('5.2', 'a length of 5 in two bytes', all(Buffer.from([0x81, 126, 0, 5]), Buffer.from('hello')), {
    wsIsLenient: true,
  }),
  illegal(
    '5.2',
    'a length of 200 in eight bytes',
    all(Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 200]), Buffer.alloc(200, 'x')),
    { wsIsLenient: true },
  ),
  // `ws` ends a frame of more than 2^53 bytes with 1009, whatever its first bit.
  illegal('5.2', 'a length with its first bit set', Buffer.from([0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 1])),
  legal(
    '5.2',
    'a text of 125, 126 and 65,536 bytes',
    all(...[125, 126, 65_536].map((size) => text('x'.repeat(size)))),
    NO_JSON,
  ),
  legal('5.2', 'an empty text', text(''), NO_JSON),
  illegal('5.4', 'a continuation of nothing', continuation('x')),
  illegal('5.4', 'a continuation after a whole message', all(text('x'), continuation('y')), {
    others: [NO_JSON],
  }),
  illegal('5.4', 'a text within a fragmented text', all(unfinished(text('x')), text('y'))),
  illegal('5.4', 'a text within a fragmented binary message', all(unfinished(binary('x')), text('y'))),
  illegal('5.4', 'a fragmented text within another', all(unfinished(text('x')), unfinished(text('y')))),
  illegal('5.4', 'a binary message within a fragmented text', all(unfinished(text('x')), binary('y'))),
  illegal('5.4', 'a fragmented ping', all(unfinished(ping('x')), continuation('y'))),
  illegal('5.4', 'a fragmented pong', all(unfinished(pong('x')), continuation('y'))),
  illegal('5.4', 'a fragmented close', unfinished(closeWith(1000))),
  legal(
    '5.4',
    'a fragmented text',
    all(unfinished(text('a')), unfinished(continuation('b')), continuation('c')),
    NO_JSON,
  ),
  legal('5.4', 'a fragmented binary message', all(unfinished(binary('a')), continuation('b')), 'binary'),
  legal(
    '5.4',
    'a ping and a pong between fragments',
    all(unfinished(text('{')), ping('x'), pong('y'), continuation('}')),
    'JSON without a type',
  ),
  legal(
    '5.4',
    'fragments that are empty',
    all(unfinished(text('')), unfinished(continuation('')), continuation('')),
    NO_JSON,
  ),
  illegal('5.5', 'a ping of 126 bytes', ping(Buffer.alloc(126))),
  illegal('5.5', 'a ping of 200 bytes', ping(Buffer.alloc(200))),
  illegal('5.5', 'a pong of 126 bytes', encodeServerFrame(OPCODE.pong, Buffer.alloc(126))),
  illegal('5.5', 'a close of 126 bytes', closeWith(1000, 'x'.repeat(124))),
  legal('5.5', 'a ping of 125 bytes', ping(Buffer.alloc(125, 'x'))),
  legal('5.5.2', 'a ping whose payload is not UTF-8', ping(NOT_UTF8)),
  legal('5.5.3', 'a pong that nobody asked for', pong('x')),
  illegal('5.5.1', 'a close of one byte', close(3)),
  illegal('5.5.1', 'a close whose reason is not UTF-8', closeWith(1000, NOT_UTF8), { ends: 1007 }),
  illegal('5.5.1', 'a close whose reason ends within a character', closeWith(1000, EURO.subarray(0, 2)), {
    ends: 1007,
  }),
  // The close has been answered by then.
  illegal('5.5.1', 'a text behind a close', all(closeWith(1000), text('{}')), {
    ends: 1000,
    closed: '1000',
    wsIsLenient: true,
  }),
  legal('5.6', 'a binary message', binary('{"type":"cursor","cursor":"1"}'), 'binary'),
  illegal('5.6 and 8.1', 'a text that is not UTF-8', text(NOT_UTF8), { ends: 1007 }),
  illegal('8.1', 'a text that ends within a character', text(EURO.subarray(0, 2)), { ends: 1007 }),
  illegal('8.1', 'a text with a surrogate', text(Buffer.from([0xed, 0xa0, 0x80])), { ends: 1007 }),
  illegal('8.1', 'a text with an overlong character', text(Buffer.from([0xc0, 0xaf])), { ends: 1007 }),
  illegal(
    '8.1',
    'a cursor message with a byte that is not UTF-8',
    text(Buffer.from('{"type":"cursor","cursor":"1","x":"\xff"}', 'latin1')),
    { ends: 1007 },
  ),
  illegal('8.1', 'a fragmented text that is not UTF-8', all(unfinished(text(NOT_UTF8)), continuation('')), {
    ends: 1007,
  }),
  legal(
    '8.1',
    'a text that is cut within a character',
    all(unfinished(text(EURO.subarray(0, 1))), continuation(EURO.subarray(1))),
    NO_JSON,
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535].map((code) =>
    illegal('7.4', `close code ${code}`, closeWith(code)),
  ),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): Row => ({
      section: '7.4',
      what: `close code ${code}`,
      bytes: closeWith(code),
      closed: String(code),
    }),
  ),
  { section: '7.1.5', what: 'a close without a code', bytes: close(), closed: '1005' },
  {
    section: '7.1.6',
    what: 'a close with the longest reason',
    bytes: closeWith(4503, 'x'.repeat(123)),
    closed: `4503 ${'x'.repeat(123)}`,
  },
];

const isClose = ({ closed, ends }: Row) => closed !== undefined || ends !== undefined;

/** Sends the bytes of a row, and a ping behind them; resolves when it has been answered, or the connection has ended. */
async function send(server: LittleServer, row: Row): Promise<{ peer: Peer; errors: string[] }> {
  await server.until(() => server.peers.length > 0, 'a connection');
  const peer = server.peers[0] as Peer;
  const errors: string[] = [];
  peer.socket.on('error', ({ message }) => errors.push(message));
  peer.raw.write(all(row.bytes, ping('the end')));
  const hasAnswered = () => peer.closed !== undefined || (!isClose(row) && peer.pongs.includes('the end'));
  await server.until(hasAnswered, 'the answer');
  return { peer, errors };
}

/** One client of bench, in this process. */
async function benchClient(url: string) {
  const fleet = new ClientFleet();
  setUpFleet(fleet, [url], { one: { clients: 1 } });
  stops.push(() => fleet.end());
  const order = { cohort: 0, arrivals: undefined, timeoutMs: 5000 } as const;
  await within(fleet.connect({ ...order, startMs: monotonicMs() }), 'the end of connecting');
  return {
    open: () => fleet.status().open[0],
    tally: () => Tally.from(fleet.takeCounts().tallies[0] as TallyData),
  };
}

async function server(options?: Parameters<typeof littleServer>[0]): Promise<LittleServer> {
  const one = await littleServer(options);
  stops.push(() => one.stop());
  return one;
}

const named = (rows: readonly Row[]) =>
  rows.map(
    (row) => [`${row.section}, ${row.what}: ${row.ends === undefined ? 'legal' : 'illegal'}`, row] as const,
  );

describe('bench counts what a server must not send as a protocol error, and takes everything else', () => {
  test.each(named(ROWS))('section %s', async (_, row) => {
    const target = await server();
    const client = await benchClient(target.url);
    const { peer, errors } = await send(target, row);
    await expect.poll(client.open, { interval: 5, timeout: 5000 }).toBe(isClose(row) ? 0 : 1);
    const tally = client.tally();
    expect(tally.counters.protocolErrors).toBe(row.ends === undefined ? 0 : 1);
    const closed = row.closed ?? (row.ends === undefined ? undefined : '1006');
    expect(tally.closed.entries()).toEqual(closed === undefined ? [] : [[closed, 1]]);
    expect(tally.otherMessages.entries().map(({ kind }) => kind)).toEqual(row.others ?? []);
    expect(tally.evidence.entries().map(([fault]) => fault)).toEqual(
      row.ends === undefined ? [] : ['protocolErrors'],
    );
    expect(tally.counters.foreign).toBe(0);
    // What bench answers is legal: the server, of the `ws` package, finds no fault with it.
    expect(errors).toEqual([]);
    const code = row.ends ?? (row.closed === undefined ? undefined : Number(row.closed.slice(0, 4)));
    expect(peer.closed?.code).toBe(code);
  });
});

describe('the client of the `ws` package agrees', () => {
  test.each(named(ROWS))('section %s', async (_, row) => {
    const target = await server();
    const client = new WebSocket(target.url, { perMessageDeflate: false });
    stops.push(async () => client.terminate());
    const faults: string[] = [];
    client.on('error', ({ message }) => faults.push(message));
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
    const lenient = row.wsIsLenient === true;
    await send(target, lenient && row.closed === undefined ? { ...row, ends: undefined } : row);
    if (isClose(row) && !(lenient && row.closed === undefined))
      await within(closed, 'the close of the client');
    expect(faults.length > 0).toBe(row.ends !== undefined && !lenient);
  });
});

interface HandshakeRow {
  readonly what: string;
  /** Lines of the answer behind the status line; `%` stands for the right accept value. */
  readonly lines: readonly string[];
  /** The error that bench counts; `undefined` for an answer that is legal. */
  readonly error?: string;
}

const UPGRADE = 'Upgrade: websocket';
const CONNECTION = 'Connection: Upgrade';
const ACCEPT = 'Sec-WebSocket-Accept: %';
const HANDSHAKES: readonly HandshakeRow[] = [
  { what: 'everything that it takes', lines: [UPGRADE, CONNECTION, ACCEPT] },
  {
    what: 'names and tokens in other cases',
    lines: ['UPGRADE: WebSocket', 'connection: UPGRADE', 'SEC-WEBSOCKET-ACCEPT: %'],
  },
  { what: 'more tokens than one', lines: [UPGRADE, 'Connection: keep-alive, Upgrade', ACCEPT] },
  { what: 'headers that mean nothing here', lines: ['Server: x', UPGRADE, CONNECTION, ACCEPT, 'X: :y'] },
  { what: 'no accept value', lines: [UPGRADE, CONNECTION], error: 'ERR_ACCEPT_MISMATCH' },
  {
    what: 'a wrong accept value',
    lines: [UPGRADE, CONNECTION, 'Sec-WebSocket-Accept: nope'],
    error: 'ERR_ACCEPT_MISMATCH',
  },
  { what: 'two accept values', lines: [UPGRADE, CONNECTION, ACCEPT, ACCEPT], error: 'ERR_ACCEPT_MISMATCH' },
  { what: 'no Upgrade', lines: [CONNECTION, ACCEPT], error: 'ERR_UPGRADE_HEADER' },
  { what: 'another Upgrade', lines: ['Upgrade: h2c', CONNECTION, ACCEPT], error: 'ERR_UPGRADE_HEADER' },
  { what: 'no Connection', lines: [UPGRADE, ACCEPT], error: 'ERR_CONNECTION_HEADER' },
  {
    what: 'another Connection',
    lines: [UPGRADE, 'Connection: close', ACCEPT],
    error: 'ERR_CONNECTION_HEADER',
  },
  {
    what: 'an extension that was not offered',
    lines: [UPGRADE, CONNECTION, ACCEPT, 'Sec-WebSocket-Extensions: permessage-deflate'],
    error: 'ERR_UNOFFERED_EXTENSION',
  },
  {
    what: 'a subprotocol that was not offered',
    lines: [UPGRADE, CONNECTION, ACCEPT, 'Sec-WebSocket-Protocol: datafn-sync-v1'],
    error: 'ERR_UNOFFERED_SUBPROTOCOL',
  },
];

/** A server that answers every upgrade with the lines of a row, and ends the connection. */
function answering({ lines }: HandshakeRow) {
  return server({
    onUpgrade: (raw: Socket, { headers }) => {
      const accept = createHash('sha1')
        .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', ...lines].join('\r\n').replaceAll('%', accept);
      raw.end(`${head}\r\n\r\n`);
    },
  });
}

describe('a 101 is a handshake only as sections 4.1 and 4.2.2 have it', () => {
  const rows = HANDSHAKES.map(
    (row) => [`${row.what}: ${row.error === undefined ? 'legal' : 'illegal'}`, row] as const,
  );

  test.each(rows)('with %s', async (_, row) => {
    const target = await answering(row);
    const tally = (await benchClient(target.url)).tally();
    expect(tally.errors.entries()).toEqual(row.error === undefined ? [] : [[row.error, 1]]);
    const { opened, protocolErrors } = tally.counters;
    expect([opened, protocolErrors]).toEqual(row.error === undefined ? [1, 0] : [0, 1]);
  });

  test.each(rows)('`ws` agrees, with %s', async (_, row) => {
    const target = await answering(row);
    const client = new WebSocket(target.url, { perMessageDeflate: false });
    const opened = new Promise<boolean>((resolve) => {
      client.on('open', () => resolve(true));
      client.on('error', () => resolve(false));
    });
    expect(await within(opened, 'the outcome')).toBe(row.error === undefined);
    client.terminate();
  });
});
