// Strangers who attack a server on this machine, in a process of their own:
//
//   node strangers.mjs PORT COUNT SECONDS ATTACK…
//
// COUNT connections do the attacks, as many each; one that is ended is followed by the next, until the time is over or
// stdin ends, so that they never outlive the test that started them.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [port, count, seconds] = process.argv.slice(2, 5).map(Number);
const attacks = process.argv.slice(5);
const host = 'Host: localhost\r\n';
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`;
const post = (more) =>
  `POST /v1/cursors HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 4000000\r\n${more}\r\n`;
const many = (request, bytes) => request.repeat(Math.ceil(bytes / request.length));
const upgrade = get(
  '/datafn/ws?token=nobodys-token',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
);
/** The start of a TLS hello: a record of 512 bytes, of which some are missing. */
const halfAHello = Buffer.concat([
  Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
  Buffer.alloc(300, 7),
]);

/** What a connection writes first, and again every so often; whether it reads, and speaks TLS. */
const ATTACKS = {
  silence: {},
  'half a head': { first: `GET /v1/stats HTTP/1.1\r\n${host}X-Filler: ${'x'.repeat(15_000)}\r\n` },
  'slow bodies': { first: post('') + ' '.repeat(60_000), again: ' ', everyMs: 1000 },
  'bodies that wait for 100': { first: post('Expect: 100-continue\r\n') },
  'unread answers': { first: many(get('/v1/stats'), 383 * 1024) },
  'unread probes': { first: many(get('/healthz'), 383 * 1024) },
  'pipelines that are read': { again: get('/v1/stats').repeat(12), everyMs: 20, reads: true },
  'probes that are read': { again: get('/healthz').repeat(12), everyMs: 20, reads: true },
  'calls one by one': { first: get('/v1/stats'), reads: true },
  'upgrades behind unread answers': { first: get('/v1/stats').repeat(14) + upgrade + 'x'.repeat(30_000) },
  'bytes before the handshake': { first: upgrade + 'x'.repeat(15_000) },
  'upgrades that are refused': { first: upgrade.replace('13', '12'), reads: true },
  'clients without a namespace': { first: upgrade },
  'half a TLS hello': { first: halfAHello },
  'TLS handshakes': { isTls: true, ends: true },
  'unread answers over TLS': { isTls: true, first: many(get('/v1/stats'), 64 * 1024) },
};

let made = 0;
let isOver = false;
const sockets = new Set();

function open(attack) {
  const { first, again, everyMs, reads, isTls, ends } = attack;
  if (isOver) return;
  made += 1;
  // An address has some 28,000 ports, and one that was used is not free again at once.
  const to = { port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (made % 8)}` };
  const socket = isTls
    ? connectTls({ ...to, rejectUnauthorized: false }, () => ends && socket.destroy())
    : connect(to);
  sockets.add(socket);
  socket.on('error', () => {});
  const timer = again === undefined ? undefined : setInterval(() => socket.write(again), everyMs);
  socket.once('close', () => {
    clearInterval(timer);
    sockets.delete(socket);
    setImmediate(open, attack);
  });
  if (first !== undefined) socket.write(first);
  if (reads) socket.resume();
}

for (let index = 0; index < count; index++) open(ATTACKS[attacks[index % attacks.length]]);
const end = () => {
  if (isOver) return;
  isOver = true;
  const stillOpen = sockets.size;
  for (const socket of sockets) socket.destroy();
  process.stdout.write(`${made} connections, ${stillOpen} open at the end\n`, () => process.exit());
};
setTimeout(end, seconds * 1000);
process.stdin.on('end', end).resume();
