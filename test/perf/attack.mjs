// npm run perf:attack [-- attack … --dist DIR --runs N --seconds N]
//
// What an attack on open or closing WebSocket connections costs: server, attackers and one healthy client, each a
// process of its own. Prints the CPU of the server, the healthy client's round trip and whether it got every cursor.
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './statistics.mjs';

const TEXT = 0x1;
const PING = 0x9;

/** One masked frame; the mask is zero, so the payload goes out as it is. */
function frame(opcode, payload, final = true) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : 8);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}
const times = (count, bytes) => Buffer.concat(Array(count).fill(bytes));

const SIZE = 65_000;
const flat = JSON.stringify({
  type: 'hello',
  cursors: Object.fromEntries(Array.from({ length: 3500 }, (_, i) => [`table${i}`, '1'])),
}).slice(0, SIZE);
const nested = `{"type":"hello","x":${'['.repeat(SIZE / 2 - 20)}${']'.repeat(SIZE / 2 - 20)}}`;
const empties = Buffer.concat([
  frame(TEXT, Buffer.alloc(0), false),
  times(1000, frame(0, Buffer.alloc(0), false)),
  frame(0, Buffer.alloc(0)),
]);

const probe = Buffer.from('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
/** Half a megabyte a second over 20 connections. */
const probes = times(Math.ceil(500_000 / 20 / 20 / probe.length), probe);

/**
 * Each attack: who connects, how often it writes what; without `everyMs`, as fast as the server reads. One with `http`
 * upgrades nothing, and one with `ignores` reads no answer.
 */
const ATTACKS = {
  none: { clients: 0 },
  'flat hellos': { clients: 5, token: 'a', everyMs: 22, bytes: frame(TEXT, Buffer.from(flat)) },
  'nested hellos': { clients: 5, token: 'a', everyMs: 22, bytes: frame(TEXT, Buffer.from(nested)) },
  'nested hellos of 80': { clients: 80, token: 'a', everyMs: 22, bytes: frame(TEXT, Buffer.from(nested)) },
  'empty fragments': { clients: 5, token: 'a', everyMs: 22, bytes: empties },
  'pings after 4401': { clients: 4, bytes: times(10_000, frame(PING, Buffer.alloc(0))) },
  'pings at full speed': { clients: 4, token: 'a', bytes: times(10_000, frame(PING, Buffer.alloc(0))) },
  'requests, unread': { clients: 60, http: true, ignores: true, bytes: times(10_000, probe) },
  'requests, 0.5 MB/s': { clients: 20, http: true, everyMs: 50, bytes: probes },
  'requests of 100': { clients: 100, http: true, everyMs: 50, bytes: probes },
  'requests at full speed': { clients: 20, http: true, bytes: times(1000, probe) },
  'texts after 4401': { clients: 4, bytes: times(9000, frame(TEXT, Buffer.from('x'))) },
};

const request = (token) =>
  `GET /datafn/ws${token === undefined ? '' : `?token=${token}`} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;

const ROLES = {
  async server(dist) {
    const { createDatafnWsServer } = await import(pathToFileURL(`${dist}/index.js`).href);
    const server = createDatafnWsServer({ port: 0 });
    const { wsUrl } = await server.listen();
    let cursor = 0;
    setInterval(() => {
      cursor += 1;
      server.websocketHandler.broadcastCursor(String(cursor), 'healthy');
    }, 50);
    process.send({ port: Number(new URL(wsUrl).port) });
    process.on('message', () => process.send({ cursor, stats: server.stats() }));
  },
  attacker(port, name) {
    const { token, everyMs, bytes, http, ignores } = ATTACKS[name];
    const attack = () => {
      const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
      let timer;
      const write = () => {
        if (socket.writableLength > 4 * bytes.length) return;
        while (socket.write(bytes) && everyMs === undefined);
      };
      const begin = () => {
        if (everyMs === undefined) socket.on('drain', write);
        else timer = setInterval(write, everyMs);
        write();
      };
      if (http) socket.once('connect', begin);
      else {
        socket.write(request(token));
        socket.once('data', begin);
      }
      if (!ignores) socket.on('data', () => {});
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(timer);
        setTimeout(attack, 5);
      });
    };
    // Half of them in each of two processes.
    for (let client = 0; client < Math.ceil(ATTACKS[name].clients / 2); client++) attack();
  },
};

const children = new Set();
function start(...args) {
  const child = fork(fileURLToPath(import.meta.url), args);
  children.add(child);
  return child;
}
const answer = (child) => new Promise((resolve) => child.once('message', resolve));

/** Pings 40 times a second; the round trips, and the cursors that came. */
function healthyClient(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const trips = [];
  const cursors = [];
  const sent = [];
  let unread = Buffer.alloc(0);
  let isOpen = false;
  let timer;
  socket.on('error', () => {});
  socket.write(request('healthy'));
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    if (!isOpen) {
      const end = unread.indexOf('\r\n\r\n');
      if (end === -1) return;
      isOpen = true;
      unread = unread.subarray(end + 4);
      timer = setInterval(() => {
        sent.push(performance.now());
        socket.write(frame(PING, Buffer.from('1')));
      }, 25);
    }
    while (unread.length >= 2 && unread.length >= 2 + unread[1]) {
      const payload = unread.subarray(2, 2 + unread[1]);
      if ((unread[0] & 0xf) === 0xa) trips.push(performance.now() - sent.shift());
      else if ((unread[0] & 0xf) === TEXT) cursors.push(Number(JSON.parse(payload.toString()).cursor));
      unread = unread.subarray(2 + payload.length);
    }
  });
  return {
    trips,
    cursors,
    stop() {
      clearInterval(timer);
      socket.destroy();
      for (const unanswered of sent) trips.push(performance.now() - unanswered);
    },
  };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(name, dist, seconds) {
  const server = start('server', dist);
  const { port } = await answer(server);
  const healthy = healthyClient(port);
  await sleep(300);
  const attackers =
    ATTACKS[name].clients === 0 ? [] : [1, 2].map(() => start('attacker', String(port), name));
  await sleep(500);
  healthy.trips.length = 0;
  const ask = () => {
    server.send('stats');
    return answer(server);
  };
  const [startMs, before] = [performance.now(), await ask()];
  await sleep(seconds * 1000);
  const after = await ask();
  const tookMs = performance.now() - startMs;
  await sleep(100);
  for (const child of attackers) child.kill('SIGKILL');
  healthy.stop();
  const { cursors, trips } = healthy;
  const lost =
    cursors.some((cursor, index) => cursor !== cursors[0] + index) || cursors.at(-1) < after.cursor;
  server.kill('SIGKILL');
  const sorted = trips.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return {
    cpu: ((after.stats.process.cpuMs - before.stats.process.cpuMs) / tookMs) * 100,
    p50: at(0.5),
    p99: at(0.99),
    delayMax: after.stats.process.eventLoopDelayMaxMs,
    accepted: after.stats.accepted + after.stats.rejected - before.stats.accepted - before.stats.rejected,
    lost,
    limited: Object.fromEntries(Object.entries(after.stats.limited).filter(([, count]) => count > 0)),
  };
}

const [role, ...rest] = process.argv.slice(2);
if (process.send !== undefined && role in ROLES) {
  process.on('disconnect', () => process.exit());
  await ROLES[role](...rest);
} else {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dist: { type: 'string', default: fileURLToPath(new URL('../../dist', import.meta.url)) },
      runs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(ATTACKS);
  console.log('| attack | server CPU | p50 | p99 | longest stall | connects/s | every cursor | limited |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const name of names) {
    const runs = [];
    for (let run = 0; run < Number(values.runs); run++)
      runs.push(await measure(name, values.dist, Number(values.seconds)));
    const middle = (key, digits = 1) => median(runs.map((one) => one[key])).toFixed(digits);
    console.log(
      `| ${name} | ${middle('cpu', 0)} % | ${middle('p50')} ms | ${middle('p99')} ms | ${middle('delayMax', 0)} ms | ${(Number(middle('accepted')) / Number(values.seconds)).toFixed(0)} | ${runs.some(({ lost }) => lost) ? 'no' : 'yes'} | ${JSON.stringify(runs.at(-1)?.limited)} |`,
    );
  }
  process.exit();
}
