import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { handshake } from './handshakes.js';

/** A hello of a client (RFC 8446 section 4.1.2), as OpenSSL writes it. */
const CLIENT_HELLO = Buffer.from(
  [
    'FgMBANoBAADWAwNgQQSwXNQPj7qQkHR/fXC9AiwCO7JNCqfaCnQF40c3eSCGQHMH8rBaGPgDQFlRVQvazA81UMT5Ke/J+9RM',
    'gWb34wAKEwITAxMBwCsA/wEAAIMACwAEAwABAgAKAAQAAgAdACMAAAAWAAAAFwAAAA0AKgAoBAMFAwYDCAcICAgJCAoICwgE',
    'CAUIBgQBBQEGAQMDAwEDAgQCBQIGAgArAAUEAwQDAwAtAAIBAQAzACYAJAAdACAUL4eaLcSn4AW4RLYBsMyc10h2icb2+L7Z',
    'aXeSl3fgTg==',
  ].join(''),
  'base64',
);

const [CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT] = [20, 21, 22, 23, 24];
const VERSIONS = [0x0303, 0x0301, 0x0300, 0x0304, 0x0200, 0x7f1c, 0xffff];

/** A record (RFC 8446 section 5.1), whose length may be that of another. */
function record(random: Random, type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(random.chance(0.05) ? random.below(256) : type, 0);
  head.writeUInt16BE(random.chance(0.2) ? random.pick(VERSIONS) : 0x0303, 1);
  const lie = random.chance(0.15) ? random.pick([0, 1, 16_384, 16_385, 18_433, 65_535]) : content.length;
  head.writeUInt16BE(lie, 3);
  return Buffer.concat([head, content]);
}

const ALERTS: readonly (readonly [number, number])[] = [
  [1, 0],
  [2, 40],
  [1, 90],
  [1, 100],
  [2, 255],
  [0, 0],
];
/** A request to shake hands anew, which TLS 1.3 has no more (RFC 5246 section 7.4.1.1). */
const HELLO_REQUEST = Buffer.from([0, 0, 0, 0]);

/** Records that do not belong where they are sent: alerts, renegotiation, key updates, junk. */
export function strayRecord(random: Random): Buffer {
  switch (random.below(7)) {
    case 0:
      return record(random, ALERT, Buffer.from(random.pick(ALERTS)));
    case 1:
      return record(random, HANDSHAKE, random.chance(0.5) ? HELLO_REQUEST : CLIENT_HELLO.subarray(5));
    case 2:
      return record(random, CHANGE_CIPHER_SPEC, Buffer.from([random.pick([0, 1, 2])]));
    case 3:
      return record(random, HEARTBEAT, Buffer.from([1, 0x40, 0, ...random.bytes(random.below(20))]));
    case 4:
      return record(random, APPLICATION_DATA, random.bytes(random.length(20_000)));
    case 5:
      return record(random, HANDSHAKE, Buffer.from([24, 0, 0, 1, random.below(3)]));
    default:
      return random.bytes(1 + random.length(2000));
  }
}

/** What a socket that waits for a hello gets in its place. */
export function brokenHello(random: Random): Buffer {
  switch (random.below(6)) {
    case 0:
      // Half a handshake: the hello is right, and nothing that is follows.
      return CLIENT_HELLO;
    case 1:
      return CLIENT_HELLO.subarray(0, random.below(CLIENT_HELLO.length));
    case 2:
      return Buffer.concat([CLIENT_HELLO, strayRecord(random)]);
    case 3:
      return strayRecord(random);
    case 4:
      // Of SSL 2, which some servers took long after its end.
      return Buffer.from([0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15, ...random.bytes(40)]);
    default:
      return mutate(random, CLIENT_HELLO);
  }
}

/** HTTP where TLS is spoken. */
export function plainHttp(random: Random): Buffer {
  const text = random.pick([
    handshake(['GET /datafn/ws?token=fuzz HTTP/1.1']),
    'GET /v1/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'POST /v1/cursors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}',
    'CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ]);
  return random.chance(0.5) ? mutate(random, Buffer.from(text)) : Buffer.from(text);
}
