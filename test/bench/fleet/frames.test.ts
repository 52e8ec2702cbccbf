import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  closeFrame,
  cursorNumber,
  encodeClientFrame,
  type FrameHandler,
  type FrameReaderState,
  readFrames,
} from '../../../src/bench/fleet/frames.js';
import { encodeServerFrame, OPCODE, PreparedMessage } from '../../../src/protocol/frames.js';
import { within } from '../../support/deadline.js';

/** Writes down what a reader makes of a stream of bytes. */
class Notes implements FrameHandler {
  readonly heard: unknown[][] = [];

  onText(bytes: Buffer, start: number, end: number): void {
    this.heard.push(['text', bytes.toString('utf8', start, end)]);
  }

  onBinary(): void {
    this.heard.push(['binary']);
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
  const state: FrameReaderState = { unread: undefined, fragments: undefined };
  const notes = new Notes();
  const shared = Buffer.alloc(Math.max(1, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    shared.fill(0xff);
    chunk.copy(shared);
    readFrames(state, shared.subarray(0, chunk.length), notes);
  }
  return { heard: notes.heard, state };
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
      heard: [['binary']],
    })),
    // A text in pieces, cut anywhere, in the middle of a character too, with a ping between them.
    fc
      .record({ text: textArb, places: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) })
      .map(({ text, places }) => {
        const pieces = cut(Buffer.from(text), places);
        const frames = pieces.map((piece, index) =>
          index === 0
            ? fragment(OPCODE.text, piece)
            : index < pieces.length - 1
              ? fragment(OPCODE.continuation, piece)
              : encodeServerFrame(OPCODE.continuation, piece),
        );
        frames.splice(1, 0, encodeServerFrame(OPCODE.ping, Buffer.from('!')));
        return {
          frames,
          heard: [
            ['ping', '!'],
            ['text', text],
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
          expect(state).toEqual({ unread: undefined, fragments: undefined });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('byte by byte, the messages are the same', () => {
    const bytes = Buffer.concat([
      new PreparedMessage('42').frame,
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
    expect(read([frame, frame.subarray(0, 4)]).state.unread).toEqual(frame.subarray(0, 4));
  });

  test('a close without a code is 1005, and nothing is read after a close', () => {
    const close = encodeServerFrame(OPCODE.close, Buffer.alloc(0));
    const text = encodeServerFrame(OPCODE.text, Buffer.from('late'));
    expect(read([Buffer.concat([close, text])]).heard).toEqual([['close', 1005, '']]);
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
    // The head alone tells: what it announces is not waited for, and not kept.
    ['announces more than 1 MiB', Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1])],
    ['announces more than there is memory', Buffer.from([0x81, 127, ...Array(8).fill(0xff)].with(2, 0x7f))],
  ])('a frame that %s is a protocol error, and nothing is read after it', (_what, frame) => {
    expect(read([Buffer.concat([plain, frame, plain])]).heard).toEqual([
      ['text', 'hello'],
      ['protocol error'],
    ]);
  });

  test('a message in pieces that come to more than 1 MiB is a protocol error, and is not kept', () => {
    const piece = Buffer.alloc(600 * 1024, 0x20);
    const { heard, state } = read([fragment(OPCODE.text, piece), fragment(OPCODE.continuation, piece)]);
    expect(heard).toEqual([['protocol error']]);
    expect(state.fragments).toBeUndefined();
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
    const state: FrameReaderState = { unread: undefined, fragments: undefined };
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
      ['binary'],
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

describe('the number of a cursor', () => {
  const numberIn = (text: string): number => {
    const bytes = Buffer.from(`##${text}##`);
    return cursorNumber(bytes, 2, bytes.length - 2);
  };

  test('is exact for every safe integer, leading zeros included', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 5 }), (cursor, zeros) => {
        expect(numberIn(`{"type":"cursor","cursor":"${'0'.repeat(zeros)}${cursor}"}`)).toBe(cursor);
      }),
    );
    expect(numberIn(new PreparedMessage(String(Number.MAX_SAFE_INTEGER)).text)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('any other text has none, and one byte off makes it another text', () => {
    const text = '{"type":"cursor","cursor":"42"}';
    expect(numberIn(text)).toBe(42);
    for (let index = 0; index < text.length; index++) {
      const isDigit = /\d/.test(text[index] as string);
      const changed = `${text.slice(0, index)}~${text.slice(index + 1)}`;
      expect(numberIn(changed), changed).toBeNaN();
      const shorter = text.slice(0, index) + text.slice(index + 1);
      if (!isDigit) expect(numberIn(shorter), shorter).toBeNaN();
    }
  });

  test.each([
    '',
    '{}',
    '{"type":"cursor","cursor":""}',
    '{"type":"cursor","cursor":"-1"}',
    '{"type":"cursor","cursor":"1.5"}',
    '{"type":"cursor","cursor":"1e3"}',
    '{"type":"cursor","cursor":"abc"}',
    '{"type":"cursor","cursor":42}',
    '{"type": "cursor","cursor":"42"}',
    '{"type":"cursor","cursor":"42"} ',
    '{"cursor":"42","type":"cursor"}',
    '{"type":"hello","cursor":"42"}',
  ])('%j has none', (text) => {
    expect(numberIn(text)).toBeNaN();
  });
});
