import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  type FrameHandler,
  type FrameReaderState,
  MAX_MESSAGE_BYTES,
  readFrames,
} from '../../../src/bench/fleet/frame-reader.js';
import { closeFrame, encodeClientFrame } from '../../../src/bench/fleet/wire.js';
import { encodeServerFrame, frameOf, OPCODE } from '../../../src/protocol/frames.js';
import { PreparedMessage } from '../../../src/protocol/messages.js';
import { within } from '../../support/deadline.js';

/** Writes down what a reader makes of a stream of bytes. */
class Notes implements FrameHandler {
  readonly heard: unknown[][] = [];

  onText(bytes: Buffer, start: number, end: number): boolean {
    this.heard.push(['text', bytes.toString('utf8', start, end)]);
    return true;
  }

  onBinary(bytes: Buffer, start: number, end: number): void {
    this.heard.push(['binary', bytes.toString('utf8', start, end)]);
  }

  onTooLong(): void {
    this.heard.push(['too long']);
  }

  onPing(payload: Buffer): void {
    this.heard.push(['ping', payload.toString()]);
  }

  onClose(code: number, reason: string): void {
    this.heard.push(['close', code, reason]);
  }

  onProtocolError(): void {
    this.heard.push(['protocol error']);
  }
}

/** Feeds chunks through one buffer that is overwritten each time, the way sockets hand them over. */
function read(chunks: readonly Buffer[]): { heard: unknown[][]; state: FrameReaderState } {
  const state: FrameReaderState = { unread: undefined, message: undefined, skipBytes: 0 };
  const notes = new Notes();
  const shared = Buffer.alloc(Math.max(1, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    shared.fill(0xff);
    chunk.copy(shared);
    readFrames(state, shared.subarray(0, chunk.length), notes);
  }
  return { heard: notes.heard, state };
}

/** Bytes as they come in pieces of one size. */
function pieces(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** A frame that is not the last of its message. */
function fragment(opcode: number, payload: Buffer): Buffer {
  const frame = encodeServerFrame(opcode, payload);
  frame[0] = opcode;
  return frame;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const textArb = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  // Around the lengths at which the header changes its form.
  fc.constantFrom(0, 1, 124, 125, 126, 127, 128, 65_535, 65_536).map((length) => 'x'.repeat(length)),
);
const messageArb: fc.Arbitrary<{ readonly frames: readonly Buffer[]; readonly heard: readonly unknown[] }> =
  fc.oneof(
    {
      weight: 5,
      arbitrary: textArb.map((text) => ({
        frames: [encodeServerFrame(OPCODE.text, Buffer.from(text))],
        heard: [['text', text]],
      })),
    },
    fc.string({ maxLength: 125 }).map((text) => {
      const payload = Buffer.from(text).subarray(0, 125);
      return { frames: [encodeServerFrame(OPCODE.ping, payload)], heard: [['ping', payload.toString()]] };
    }),
    fc.constant({ frames: [encodeServerFrame(OPCODE.pong, Buffer.from('x'))], heard: [] }),
    textArb.map((text) => ({
      frames: [encodeServerFrame(OPCODE.binary, Buffer.from(text))],
      heard: [['binary', text]],
    })),
    // A message in pieces, cut anywhere, in the middle of a character too, with a ping between them.
    fc
      .record({
        text: textArb,
        places: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        name: fc.constantFrom('text' as const, 'binary' as const),
      })
      .map(({ text, places, name }) => {
        const pieces = cut(Buffer.from(text), places);
        const frames = pieces.map((piece, index) =>
          index === 0
            ? fragment(OPCODE[name], piece)
            : index < pieces.length - 1
              ? fragment(OPCODE.continuation, piece)
              : encodeServerFrame(OPCODE.continuation, piece),
        );
        frames.splice(1, 0, encodeServerFrame(OPCODE.ping, Buffer.from('!')));
        return {
          frames,
          heard: [
            ['ping', '!'],
            [name, text],
          ],
        };
      }),
  );

describe('reading', () => {
  test('any cut of a stream of frames into chunks yields the same messages', () => {
    fc.assert(
      fc.property(
        fc.array(messageArb, { maxLength: 8 }),
        fc.array(fc.nat({ max: 200_000 }), { maxLength: 12 }),
        (messages, places) => {
          const bytes = Buffer.concat(messages.flatMap(({ frames }) => frames));
          const { heard, state } = read(cut(bytes, places));
          expect(heard).toEqual(messages.flatMap((message) => message.heard));
          expect(state).toEqual({ unread: undefined, message: undefined, skipBytes: 0 });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('byte by byte, the messages are the same', () => {
    const bytes = Buffer.concat([
      frameOf(new PreparedMessage('42')),
      encodeServerFrame(OPCODE.text, Buffer.from('ä'.repeat(70))),
      encodeServerFrame(OPCODE.ping, Buffer.alloc(0)),
      encodeServerFrame(OPCODE.close, Buffer.from([0x03, 0xe9, 0x62, 0x79, 0x65])),
    ]);
    expect(read([...bytes].map((byte) => Buffer.from([byte]))).heard).toEqual([
      ['text', '{"type":"cursor","cursor":"42"}'],
      ['text', 'ä'.repeat(70)],
      ['ping', ''],
      ['close', 1001, 'bye'],
    ]);
  });

  test('it keeps nothing between whole frames, and a part of one until the rest is there', () => {
    const frame = encodeServerFrame(OPCODE.text, Buffer.from('hello'));
    expect(read([frame, frame]).state.unread).toBeUndefined();
    expect(read([frame, frame.subarray(0, 4)]).state.unread?.got.bytes).toEqual(frame.subarray(0, 4));
  });

  test('a close without a code is 1005, and nothing is read after a close but that there is something', () => {
    const close = encodeServerFrame(OPCODE.close, Buffer.alloc(0));
    const text = encodeServerFrame(OPCODE.text, Buffer.from('late'));
    const ping = encodeServerFrame(OPCODE.ping, Buffer.from('late'));
    const closed = ['close', 1005, ''];
    expect(read([Buffer.concat([close, ping, text])]).heard).toEqual([closed]);
    expect(read([Buffer.concat([close, text, text])]).heard).toEqual([closed, ['protocol error']]);
    expect(read([close.subarray(0, 1), Buffer.concat([close.subarray(1), text])]).heard).toEqual([
      closed,
      ['protocol error'],
    ]);
  });

  const plain = encodeServerFrame(OPCODE.text, Buffer.from('hello'));
  const withHead = (head: number) => Buffer.from([head, ...plain.subarray(1)]);
  test.each([
    ['is masked', encodeClientFrame(OPCODE.text, Buffer.from('hello'))],
    ['has the first reserved bit set', withHead(0xc1)],
    ['has the second reserved bit set', withHead(0xa1)],
    ['has the third reserved bit set', withHead(0x91)],
    ['has an opcode that is not known', withHead(0x83)],
    ['has a control opcode that is not known', withHead(0x8b)],
    ['continues nothing', withHead(0x80)],
  ])('a frame that %s is a protocol error, and nothing is read after it', (_what, frame) => {
    expect(read([Buffer.concat([plain, frame, plain])]).heard).toEqual([
      ['text', 'hello'],
      ['protocol error'],
    ]);
  });

  const long = Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20);
  const half = Buffer.alloc(600 * 1024, 0x20);
  test.each<[string, Buffer[]]>([
    ['in one frame', [encodeServerFrame(OPCODE.text, long)]],
    ['of bytes', [encodeServerFrame(OPCODE.binary, long)]],
    ['in fragments', [fragment(OPCODE.text, half), encodeServerFrame(OPCODE.continuation, half)]],
    [
      'in fragments, one of them too long by itself',
      [
        fragment(OPCODE.text, Buffer.from('a')),
        fragment(OPCODE.continuation, long),
        encodeServerFrame(OPCODE.continuation, Buffer.from('b')),
      ],
    ],
  ])('a message of more than 1 MiB %s is legal, and is counted without being kept', (_how, frames) => {
    const bytes = Buffer.concat([...frames, plain]);
    for (const size of [bytes.length, 64 * 1024, 1000]) {
      const { heard, state } = read(pieces(bytes, size));
      expect(heard).toEqual([['too long'], ['text', 'hello']]);
      expect(state).toEqual({ unread: undefined, message: undefined, skipBytes: 0 });
    }
  });

  test('a frame takes memory for what has come of it, and not for what it announces', () => {
    const announced = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
    const { state } = read([announced]);
    expect(state.unread?.got.bytes.buffer.byteLength).toBeLessThan(64 * 1024);
    const endless = Buffer.from([0x81, 127, 0x7f, ...Array(7).fill(0xff)]);
    expect(read([endless, Buffer.alloc(1000)]).state).toMatchObject({
      unread: undefined,
      message: undefined,
    });
  });
});

describe('what a server can make the reader spend is linear in the bytes it sends', () => {
  /** Work is counted, not timed: bytes that are copied while `bytes` are read in pieces. */
  function copiedBytes(bytes: Buffer, size: number, from: Buffer[] = []): number {
    const copy = vi.spyOn(Buffer.prototype, 'copy');
    const concat = vi.spyOn(Buffer, 'concat');
    try {
      read([...from, ...pieces(bytes, size)]);
      const copied = copy.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
      const joined = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
      // The test itself copies each piece once.
      return copied + joined - bytes.length;
    } finally {
      vi.restoreAllMocks();
    }
  }

  test('a long frame that comes in small pieces', () => {
    const frame = encodeServerFrame(OPCODE.text, Buffer.alloc(MAX_MESSAGE_BYTES, 0x20));
    expect(copiedBytes(frame, 500)).toBeLessThan(4 * frame.length);
  });

  test('a long message in small fragments', () => {
    const piece = fragment(OPCODE.continuation, Buffer.alloc(100, 0x20));
    const all = Buffer.concat(Array.from({ length: 5000 }, () => piece));
    expect(copiedBytes(all, 64 * 1024, [fragment(OPCODE.text, Buffer.alloc(1))])).toBeLessThan(
      4 * all.length,
    );
  });

  test('empty fragments without end, which take no memory either', () => {
    const empty = fragment(OPCODE.continuation, Buffer.alloc(0));
    const { heard, state } = read([
      fragment(OPCODE.text, Buffer.from('a')),
      ...Array.from({ length: 100 }, () => Buffer.concat(Array.from({ length: 1000 }, () => empty))),
    ]);
    expect(heard).toEqual([]);
    expect(Object.keys(state.message ?? {})).toEqual(['opcode', 'got']);
    expect(state.message?.got?.bytes.buffer.byteLength).toBeLessThan(64 * 1024);
    const many = Buffer.concat(Array.from({ length: 2000 }, () => empty));
    expect(copiedBytes(many, many.length, [fragment(OPCODE.text, Buffer.from('a'))])).toBeLessThan(
      many.length,
    );
  });
});

describe('against a real server', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** A connection whose bytes from the server are kept, and where the server writes down what it gets. */
  async function connection() {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    await once(server, 'listening');
    const connected = once(server, 'connection');
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.on('error', () => {});
    stops.push(async () => {
      client.terminate();
      await new Promise((resolve) => server.close(resolve));
    });
    await once(client, 'open');
    const [atServer] = (await within(connected, 'a connection')) as [WebSocket];
    // Its own parser is taken off, so that the raw bytes can be read; see the `ws` sources, `setSocket`.
    const socket = (client as unknown as { _socket: import('node:net').Socket })._socket;
    socket.removeAllListeners('data');
    return { atServer, socket };
  }

  test('frames that the `ws` package sends are read as what was sent', async () => {
    const { atServer, socket } = await connection();
    const state: FrameReaderState = { unread: undefined, message: undefined, skipBytes: 0 };
    const notes = new Notes();
    const closed = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        readFrames(state, chunk, notes);
        if (notes.heard.at(-1)?.[0] === 'close') resolve();
      });
    });
    socket.resume();
    const long = 'ü'.repeat(50_000);
    atServer.send('{"type":"cursor","cursor":"7"}');
    atServer.send('x'.repeat(126));
    atServer.send(long);
    atServer.send(Buffer.from([1, 2, 3]));
    atServer.ping('are you there');
    atServer.pong('unasked');
    atServer.send('in ', { fin: false });
    atServer.send('two ', { fin: false });
    atServer.send('parts', { fin: true });
    atServer.close(4503, 'Connection limit reached');
    await within(closed, 'the close frame');
    expect(notes.heard).toEqual([
      ['text', '{"type":"cursor","cursor":"7"}'],
      ['text', 'x'.repeat(126)],
      ['text', long],
      ['binary', '\u0001\u0002\u0003'],
      ['ping', 'are you there'],
      ['text', 'in two parts'],
      ['close', 4503, 'Connection limit reached'],
    ]);
  });

  test('frames that bench encodes are taken by the `ws` package, whatever their length', async () => {
    const { atServer, socket } = await connection();
    const heard: unknown[][] = [];
    atServer.on('message', (data: Buffer, isBinary: boolean) =>
      heard.push(['message', data.toString(), isBinary]),
    );
    atServer.on('pong', (data: Buffer) => heard.push(['pong', data.toString()]));
    const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 100_001];
    for (const length of lengths) socket.write(encodeClientFrame(OPCODE.text, Buffer.alloc(length, 'ab')));
    socket.write(encodeClientFrame(OPCODE.binary, Buffer.from('raw')));
    socket.write(encodeClientFrame(OPCODE.pong, Buffer.from('yes')));
    socket.write(closeFrame(4000, 'grüße'));
    const [code, reason] = (await within(once(atServer, 'close'), 'the close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4000, 'grüße']);
    expect(heard).toEqual([
      ...lengths.map((length) => ['message', Buffer.alloc(length, 'ab').toString(), false]),
      ['message', 'raw', true],
      ['pong', 'yes'],
    ]);
  });

  test('two frames of the same payload do not share a mask', () => {
    const frames = Array.from({ length: 8 }, () =>
      encodeClientFrame(OPCODE.text, Buffer.from('same')).toString('hex'),
    );
    expect(new Set(frames).size).toBe(8);
  });
});
