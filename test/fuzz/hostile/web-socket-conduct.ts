import { createHash } from 'node:crypto';
import { BAD_UTF8, frame, frameInput } from '../inputs/frames.js';
import { json } from '../inputs/messages.js';
import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { type Asked, type Conduct, type Repertoire, text } from './conduct.js';
import { HTTP_CONDUCT } from './http-conduct.js';

/** What a server does to a client that wants to become a WebSocket. */
export const WEB_SOCKET_CONDUCT: Repertoire = [
  [25, (random, asked) => open('admitted', asked, [cursor('1')], random)],
  [
    10,
    (random, asked) => ({
      kind: 'handshake',
      pieces: [handshakeAnswer(random, asked)],
      ending: last(random),
    }),
  ],
  [
    40,
    (random, asked) =>
      open(
        'frames',
        asked,
        several(random, () => unmasked(random)),
        random,
      ),
  ],
  [
    10,
    (random, asked) =>
      open(
        'masked frames',
        asked,
        several(random, () => frameInput(random)),
        random,
      ),
  ],
  [
    20,
    (random, asked) =>
      open(
        'messages',
        asked,
        several(random, () => plain(message(random))),
        random,
      ),
  ],
  [15, (random, asked) => open('close', asked, [closing(random)], random)],
  [10, (random, asked) => open('flood', asked, [flood(random)], random)],
  [10, (random, asked) => open('lengths', asked, [length(random)], random)],
  [10, (random, asked) => open('bytes', asked, [random.bytes(random.from(1, 5000))], random)],
  // Everything that is no upgrade at all.
  ...HTTP_CONDUCT.map(([share, make]) => [Math.ceil(share / 15), make] as const),
];

function last(random: Random): Conduct['ending'] {
  return random.pick(['end', 'reset', 'hang']);
}

function open(kind: string, asked: Asked, frames: readonly Buffer[], random: Random): Conduct {
  const bytes = Buffer.concat([accepted(asked), ...frames]);
  const at = random.below(bytes.length);
  return {
    kind: `ws ${kind}`,
    pieces: random.chance(0.5) ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)],
    ending: last(random),
  };
}

function accepted({ head }: Asked): Buffer {
  const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return text(
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    '',
    '',
  );
}

/** An answer to the handshake in which something is wrong. */
function handshakeAnswer(random: Random, asked: Asked): Buffer {
  const right = accepted(asked).toString();
  const wrong = random.pick([
    right.replace(/Accept: \S+/, 'Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    right.replace(/Sec-\S+ \S+\r\n/, ''),
    right.replace('Upgrade: websocket', 'Upgrade: h2c'),
    right.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'),
    right.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: unasked\r\n\r\n'),
    right.replace('\r\n\r\n', `\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`),
    right.slice(0, random.below(right.length)),
  ]);
  return random.chance(0.3) ? mutate(random, Buffer.from(right)) : Buffer.from(wrong);
}

function several(random: Random, make: () => Buffer): Buffer[] {
  return Array.from({ length: random.from(1, 20) }, make);
}

/** A frame of a server in which anything else may be wrong. */
function unmasked(random: Random): Buffer {
  return frame(
    random,
    random.chance(0.5) ? Buffer.from(message(random)) : random.bytes(random.length(2000)),
    {
      opcode: random.chance(0.2) ? random.below(16) : random.pick([0x0, 0x1, 0x2, 0x9, 0xa]),
      final: random.chance(0.8),
      reserved: random.chance(0.05) ? random.from(1, 7) : 0,
      masked: false,
      lies: random.chance(0.05),
    },
  );
}

function plain(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  const extended = Buffer.alloc(bytes.length < 126 ? 0 : bytes.length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(bytes.length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(bytes.length));
  const length = extended.length === 0 ? bytes.length : extended.length === 2 ? 126 : 127;
  return Buffer.concat([Buffer.from([0x81, length]), extended, bytes]);
}

function cursor(value: string): Buffer {
  return plain(`{"type":"cursor","cursor":"${value}"}`);
}

function message(random: Random): string {
  const value = random.pick([
    '"-1"',
    '"1e400"',
    '"0x10"',
    '7',
    'null',
    '""',
    `"${'9'.repeat(5000)}"`,
    '"💩"',
    '{}',
  ]);
  return random.pick([
    () => `{"type":"cursor","cursor":${value}}`,
    () => `{"type":"cursor","cursor":"1","cursor":${value}}`,
    () => `{"cursor":${value},"type":"cursor","namespace":${json(random, 2)}}`,
    () => json(random, 4),
    () => '['.repeat(random.from(1000, 100_000)),
    () => 'x'.repeat(random.from(1000, 2_000_000)),
    () => random.pick(BAD_UTF8).toString('latin1'),
  ])();
}

const CODES = [0, 1, 999, 1000, 1001, 1004, 1005, 1006, 1012, 1015, 2999, 4401, 4503, 5000, 65_535];

function closing(random: Random): Buffer {
  const code = random.pick(CODES);
  const reason = random.chance(0.3) ? random.pick(BAD_UTF8) : random.bytes(random.below(123));
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason]);
  return random.pick([
    Buffer.concat([Buffer.from([0x88, payload.length]), payload]),
    Buffer.from([0x88, 1, 3]),
    Buffer.from([0x88, 126, 0, 126, ...random.bytes(126)]),
    Buffer.concat([Buffer.from([0x88, 0]), cursor('1'), Buffer.from([0x88, 0])]),
  ]);
}

/** Very many small frames. */
function flood(random: Random): Buffer {
  const one = random.pick([
    Buffer.from([0x89, 0]),
    Buffer.concat([Buffer.from([0x89, 125]), Buffer.alloc(125)]),
    Buffer.from([0x8a, 0]),
    Buffer.from([0x00, 0]),
    Buffer.from([0x81, 0]),
    cursor('1'),
  ]);
  const frames = Array<Buffer>(random.pick([1000, 10_000, 50_000])).fill(one);
  // A continuation continues something.
  return Buffer.concat(one[0] === 0 ? [Buffer.from([0x01, 0]), ...frames] : frames);
}

/** A frame that declares more than anybody keeps. */
function length(random: Random): Buffer {
  const declared = random.pick([2n ** 63n, 2n ** 53n, 2n ** 32n, 2n ** 31n, 100_000_000n, 0n]);
  const head = Buffer.alloc(10);
  head.writeUInt8(random.pick([0x81, 0x82, 0x01, 0x89]), 0);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(declared, 2);
  return Buffer.concat([head, Buffer.alloc(random.pick([0, 1000, 3_000_000]))]);
}
