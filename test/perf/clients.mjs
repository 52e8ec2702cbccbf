// A process of minimal clients: raw sockets that shake hands, count bytes, and answer pings. They do as little as
// a client can, so that the server is what is measured.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { serveCalls } from './harness.mjs';

const BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
const PONG = Buffer.concat([Buffer.from([0x8a, 0x80]), randomBytes(4)]);
const sockets = new Set();
let bytes = 0;
let target = Number.POSITIVE_INFINITY;
let reached = () => {};

function open({ port, path, greeting, pongs, localAddress }) {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    let head = '';
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress,
      noDelay: true,
      onread: {
        buffer: BUFFER,
        callback(length, buffer) {
          if (head === undefined) {
            bytes += length;
            if (pongs)
              for (let at = 0; at + 1 < length; at++)
                if (buffer[at] === 0x89 && buffer[at + 1] === 0) socket.write(PONG);
            if (bytes >= target) reached();
            return true;
          }
          head += buffer.toString('latin1', 0, length);
          const end = head.indexOf('\r\n\r\n');
          if (end === -1) return true;
          const accept = createHash('sha1')
            .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
          if (!head.startsWith('HTTP/1.1 101') || !head.includes(accept)) {
            reject(new Error(`handshake refused: ${head.slice(0, 60)}`));
            return true;
          }
          head = undefined;
          sockets.add(socket);
          if (greeting !== undefined) socket.write(textFrame(greeting));
          resolve(socket);
          return true;
        },
      },
    });
    socket.on('connect', () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      ),
    );
    socket.on('error', reject);
    socket.on('close', () => sockets.delete(socket));
  });
}

function textFrame(text) {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  return Buffer.concat([
    Buffer.from([0x81, 0x80 | payload.length]),
    mask,
    payload.map((byte, index) => byte ^ mask[index & 3]),
  ]);
}

serveCalls({
  /**
   * Opens `count` clients, `atOnce` at a time; how many a second that were. Of each path, `{n}` is the client's number
   * modulo `names`.
   */
  async open({ count, atOnce = 200, path, names = 1, ...how }) {
    const startMs = performance.now();
    let started = 0;
    const lane = async () => {
      while (started < count) {
        const client = { ...how, path: path.replace('{n}', started % names) };
        started += 1;
        await open(client);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
    return (count * 1000) / (performance.now() - startMs);
  },
  /** Begins to count: resolves `done` after that many more bytes. */
  expect(count) {
    bytes = 0;
    target = count;
    this.done = new Promise((resolve) => {
      reached = () => {
        target = Number.POSITIVE_INFINITY;
        resolve(process.hrtime.bigint());
      };
    });
  },
  /** When the bytes that were expected had all come, and the CPU time of this process so far. */
  async awaitBytes() {
    let deadline;
    const late = new Promise((_, reject) => {
      deadline = setTimeout(() => reject(new Error(`${bytes} of ${target} bytes came`)), 30_000);
    });
    const at = await Promise.race([this.done, late]);
    clearTimeout(deadline);
    return at;
  },
  received: () => bytes,
  cpu: () => process.cpuUsage(),
  async closeAll() {
    const all = [...sockets];
    await Promise.all(
      all.map((socket) => new Promise((resolve) => socket.once('close', resolve).resetAndDestroy())),
    );
  },
});
