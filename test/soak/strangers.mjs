// Strangers who attack a server on this machine, in a process of their own: node strangers.mjs ATTACK PORT COUNT SECONDS
// COUNT connections each do the ATTACK; one that is ended is followed by the next, until the time is over. On stdin's end
// it ends as well, so that it never outlives the test that started it.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [attack, port, count, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const head = 'Host: localhost\r\n';
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${head}${more}\r\n`;
const many = (request, bytes) => request.repeat(Math.ceil(bytes / request.length));
const handshake =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const upgrade = get('/datafn/ws?token=nobodys-token', handshake);
const filler = `X-Filler: ${'x'.repeat(15_000)}\r\n`;
/** A TLS 1.2 ClientHello up to where it is not complete: its record says 512 bytes. */
const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), Buffer.alloc(300, 7)]);

/** What each attack writes at first, whether it reads, and what it writes again and again. */
const ATTACKS = {
  silent: { first: '' },
  'half a head': { first: `GET /v1/stats HTTP/1.1\r\n${head}${filler}` },
  'slow bodies': {
    first: `POST /v1/cursors HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 4000000\r\n\r\n${' '.repeat(60_000)}`,
    again: ' ',
    everyMs: 1000,
  },
  'unread answers': { first: many(get('/v1/stats'), 383 * 1024) },
  'unread probes': { first: many(get('/healthz'), 383 * 1024) },
  'pipelines that are read': { first: '', again: get('/v1/stats').repeat(12), everyMs: 20, reads: true },
  'probes that are read': { first: '', again: get('/healthz').repeat(12), everyMs: 20, reads: true },
  'calls one by one': { first: get('/v1/stats'), reads: true },
  'upgrades behind unread answers': { first: get('/v1/stats').repeat(14) + upgrade + 'x'.repeat(30_000) },
  'upgrades refused': { first: upgrade.replace('13', '12'), reads: true },
  'bodies that wait for 100': {
    first: `POST /v1/cursors HTTP/1.1\r\n${head}Content-Length: 9\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n\r\n`,
  },
  'half a TLS hello': { first: hello },
  'TLS handshakes': { tls: true, first: '' },
  'TLS hellos unread': { tls: true, first: many(get('/v1/stats'), 64 * 1024) },
};

const { first, again, everyMs, reads = false, tls = false } = ATTACKS[attack];
let made = 0;
let isOver = false;
const sockets = new Set();

function open() {
  if (isOver) return;
  made += 1;
  // More than one source address: one has only some 28,000 ports.
  const to = { port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (made % 8)}` };
  const socket = tls
    ? connectTls({ ...to, rejectUnauthorized: false }, () => first === '' && socket.destroy())
    : connect(to);
  sockets.add(socket);
  socket.on('error', () => {});
  const timer = again === undefined ? undefined : setInterval(() => socket.write(again), everyMs);
  socket.once('close', () => {
    clearInterval(timer);
    sockets.delete(socket);
    setImmediate(open);
  });
  if (first !== '') socket.write(first);
  if (reads) socket.resume();
}

for (let index = 0; index < count; index++) open();
const end = () => {
  if (isOver) return;
  isOver = true;
  const open = sockets.size;
  for (const socket of sockets) socket.destroy();
  process.stdout.write(`${JSON.stringify({ attack, made, open })}\n`, () => process.exit());
};
setTimeout(end, seconds * 1000);
process.stdin.on('end', end).resume();
