// npm run perf:scale [-- --write]: what several processes cost, as one server (`serve --workers`) and as nodes that share a
// Redis. Prints Markdown tables, and with --write puts them into docs/scale.md. SHORT=1 is a first look.
//
// CPU time is what is judged, of the processes of the server alone: on a machine where clients and server share the cores, a
// rate says how fast both are together.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Peer } from './harness.mjs';
import { cpuMsOf, memoryOf, sumOf, treeOf } from './process-tree.mjs';

const SHORT = process.env.SHORT === '1';
const PROCESSES = [1, 2, 4, 6];
const NODES = [2, 4, 6];
const CLIENTS = SHORT ? 1200 : 6000;
const NAMESPACES = SHORT ? 100 : 1000;
/** Cursors to each namespace. */
const ROUNDS = SHORT ? 2 : 10;
const BEAT_MS = 2000;
const IDLE_MS = SHORT ? 5000 : 6000;
/** Cursors of namespaces that have no client, through Redis. */
const GHOSTS = SHORT ? 2000 : 20_000;
const BATCH = 100;
/** The load that the model is checked with. */
const MIXED = { perSecond: 100, ms: SHORT ? 5000 : 6000 };
const PEERS = 3;
const CURSOR_BYTES = Buffer.byteLength('{"type":"cursor","cursor":"1000000000"}') + 2;

const DOCUMENT = new URL('../../docs/scale.md', import.meta.url);
const MARKS = ['<!-- figures -->', '<!-- end of figures -->'];
const MAIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));

const ended = new Set();
/** Ends what this script started, whatever happens. */
const atEnd = (end) => ended.add(end);
process.on('exit', () => {
  for (const end of ended) end();
});

async function startServe(args) {
  const child = spawn(
    process.execPath,
    [MAIN, 'serve', '--port', '0', '--json', '--log-level', 'warn', '--max-connections', '200000', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const end = () => child.kill('SIGTERM');
  atEnd(end);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { apiUrl } = JSON.parse(line);
  return {
    apiUrl,
    port: Number(new URL(apiUrl).port),
    /** Its processes; with workers the first is the primary, which has no clients. */
    pids: () => treeOf(child.pid),
    async stop() {
      end();
      ended.delete(end);
      await once(child, 'exit');
    },
  };
}

async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'scale-redis-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => child.kill('SIGTERM');
  atEnd(end);
  for await (const line of createInterface({ input: child.stdout }))
    if (/Ready to accept connections/.test(line)) break;
  child.stdout.resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid,
    async stop() {
      end();
      ended.delete(end);
      await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}

let lastCursor = 1_000_000_000;

/** Posts cursors, a batch at a time; each namespace gets one a round. Every cursor has ten digits. */
async function emit({ apiUrl }, namespaces, rounds = 1) {
  for (let round = 0; round < rounds; round++) {
    lastCursor += 1;
    for (let from = 0; from < namespaces.length; from += BATCH) {
      const items = namespaces
        .slice(from, from + BATCH)
        .map((namespace) => ({ namespace, cursor: String(lastCursor) }));
      const answer = await fetch(`${apiUrl}/v1/cursors`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(items),
      });
      // 202: another process took more than a second to acknowledge it, on a machine that is too small.
      if (!answer.ok) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 200)}`);
      await answer.arrayBuffer();
    }
  }
}

/** Clients in processes of their own, spread evenly over servers and namespaces. */
async function openClients(servers, peers) {
  const each = CLIENTS / peers.length / servers.length;
  const startMs = performance.now();
  await Promise.all(
    peers.map(async (peer, index) => {
      for (const { port } of servers) {
        const localAddress = `127.0.0.${index + 2}`;
        const path = '/datafn/ws?token=n{n}';
        await peer.call('open', {
          count: each,
          atOnce: 50,
          path,
          names: NAMESPACES,
          port,
          localAddress,
          pongs: true,
        });
      }
    }),
  );
  return (CLIENTS * 1000) / (performance.now() - startMs);
}

const names = Array.from({ length: NAMESPACES }, (_, index) => `n${index}`);
const ghosts = Array.from({ length: GHOSTS / 10 }, (_, index) => `ghost${index}`);

/** Emits to every namespace, and waits until the clients have all bytes. */
async function deliver(server, peers, rounds) {
  const bytes = (CLIENTS / peers.length) * CURSOR_BYTES * rounds;
  for (const peer of peers) await peer.call('expect', bytes);
  const arrived = Promise.all(peers.map((peer) => peer.call('awaitBytes')));
  await emit(server, names, rounds);
  await arrived;
}

const startPeers = () => Array.from({ length: PEERS }, () => new Peer('./clients.mjs'));

/** CPU time that something takes, in milliseconds, of the processes of each server, and of Redis. */
async function cpuOf(servers, redis, task) {
  const read = () => [
    ...servers.map((server) => sumOf(server.pids(), cpuMsOf)),
    redis === undefined ? 0 : cpuMsOf(redis.pid),
  ];
  const before = read();
  const result = await task();
  const after = read();
  const used = after.map((ms, index) => ms - before[index]);
  return { servers: used.slice(0, -1), redis: used.at(-1), result };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The costs of one server of some processes, or of some nodes with a Redis. */
async function costsOf({ workers, nodes = 1 }) {
  const redis = workers === undefined ? await startRedis() : undefined;
  const beat = ['--heartbeat-interval', `${BEAT_MS}ms`];
  const args =
    redis === undefined ? (workers === 1 ? [] : ['--workers', String(workers)]) : ['--cluster', redis.url];
  const servers = [];
  for (let node = 0; node < nodes; node++) servers.push(await startServe([...beat, ...args]));
  const peers = startPeers();
  const [first] = servers;
  await sleep(2000);

  const memoryBefore = sum(servers.map((server) => sumOf(server.pids(), memoryOf)));
  const empty = await cpuOf(servers, redis, () => sleep(IDLE_MS));
  const ghostly = redis && (await cpuOf(servers, redis, () => emit(first, ghosts, 10)));
  const connects = await cpuOf(servers, redis, () => openClients(servers, peers));
  const memory = sum(servers.map((server) => sumOf(server.pids(), memoryOf))) - memoryBefore;
  await deliver(first, peers, 1);
  const idle = await cpuOf(servers, redis, () => sleep(IDLE_MS));
  const deliveries = await cpuOf(servers, redis, () => deliver(first, peers, ROUNDS));
  const startMs = performance.now();
  const mixed = await cpuOf(servers, redis, async () => {
    for (let cursors = 0; cursors < (MIXED.perSecond * MIXED.ms) / 1000; cursors += BATCH) {
      await emit(
        first,
        names
          .slice(cursors % NAMESPACES)
          .concat(names)
          .slice(0, BATCH),
      );
      await sleep(Math.max(0, startMs + ((cursors + BATCH) * 1000) / MIXED.perSecond - performance.now()));
    }
  });
  for (const peer of peers) peer.stop();
  await Promise.all(servers.map((server) => server.stop()));
  await redis?.stop();

  const beats = (CLIENTS * IDLE_MS) / BEAT_MS;
  const emptyMs = sum(empty.servers);
  const costs = {
    connectUs: (sum(connects.servers) * 1000) / CLIENTS,
    connectsPerSecond: connects.result,
    deliveryUs: (sum(deliveries.servers) * 1000) / (CLIENTS * ROUNDS),
    beatUs: ((sum(idle.servers) - emptyMs) * 1000) / beats,
    emptyMsPerSecond: emptyMs / (IDLE_MS / 1000) / nodes,
    clientBytes: memory / CLIENTS,
    mixedMs: sum(mixed.servers),
    mixedSeconds: MIXED.ms / 1000,
  };
  if (redis === undefined) return costs;
  const others = ghostly.servers.slice(1);
  return {
    ...costs,
    ghostUs: (sum(others) / others.length / GHOSTS) * 1000,
    emitterUs: (ghostly.servers[0] / GHOSTS) * 1000,
    redisCursorUs: (ghostly.redis * 1000) / GHOSTS,
    redisConnectUs: (connects.redis * 1000) / CLIENTS,
    redisIdleMsPerSecond: empty.redis / (IDLE_MS / 1000),
    redisMixedMs: mixed.redis,
  };
}

/** What the costs that were measured one by one say of the mixed load, in milliseconds of CPU. */
function predicted(costs, nodes) {
  const seconds = costs.mixedSeconds;
  const cursors = MIXED.perSecond * seconds;
  const deliveries = (cursors * CLIENTS) / NAMESPACES;
  const beats = (CLIENTS * seconds * 1000) / BEAT_MS;
  return (
    (deliveries * costs.deliveryUs + beats * costs.beatUs) / 1000 + costs.emptyMsPerSecond * seconds * nodes
  );
}

const us = (value) => `${value.toFixed(1)} µs`;
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const workerCosts = [];
for (const workers of PROCESSES) {
  console.error(`measuring ${workers} ${workers === 1 ? 'process' : 'workers'} …`);
  workerCosts.push([workers, await costsOf({ workers })]);
}
const nodeCosts = [];
for (const nodes of NODES) {
  console.error(`measuring ${nodes} nodes …`);
  nodeCosts.push([nodes, await costsOf({ nodes })]);
}

const common = [
  ['CPU for a connect', ({ connectUs }) => us(connectUs)],
  ['CPU for a delivery, one cursor to each namespace', ({ deliveryUs }) => us(deliveryUs)],
  ['CPU for a ping and its pong', ({ beatUs }) => us(beatUs)],
  ['CPU of a process tree without clients', ({ emptyMsPerSecond }) => `${emptyMsPerSecond.toFixed(1)} ms/s`],
  ['memory (PSS) for a client', ({ clientBytes }) => `${(clientBytes / 1024).toFixed(1)} KiB`],
  ['connects/s, clients on the same cores', ({ connectsPerSecond }) => connectsPerSecond.toFixed(0)],
  ['CPU of the mixed load', ({ mixedMs }) => `${(mixedMs / 1000).toFixed(2)} s`],
  ['the same from the lines above', (costs, count) => `${(predicted(costs, count) / 1000).toFixed(2)} s`],
];
const ofRedis = [
  ['CPU of a node for a cursor of a namespace that it has no client of', ({ ghostUs }) => us(ghostUs)],
  ['CPU of the node that a cursor is posted to, in batches of 100', ({ emitterUs }) => us(emitterUs)],
  ['CPU of Redis for a cursor', ({ redisCursorUs }) => us(redisCursorUs)],
  ['CPU of Redis for a connect', ({ redisConnectUs }) => us(redisConnectUs)],
  ['CPU of Redis for the beats of all nodes', (costs) => `${costs.redisIdleMsPerSecond.toFixed(1)} ms/s`],
];
const facts = `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run perf:scale\`, Node.js ${process.version}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}: ${CLIENTS.toLocaleString('en-US')} clients in ${NAMESPACES.toLocaleString('en-US')} namespaces, a ping every ${BEAT_MS / 1000} s. The mixed load is ${MIXED.perSecond} cursors/s for ${MIXED.ms / 1000} s, in batches of ${BATCH}.`;
const tables = [
  facts,
  table(
    ['one server', ...PROCESSES.map((count) => (count === 1 ? 'one process' : `${count} workers`))],
    common.map(([name, cell]) => [name, ...workerCosts.map(([, costs]) => cell(costs, 1))]),
  ),
  table(
    ['a cluster with Redis', ...NODES.map((count) => `${count} nodes`)],
    [...common, ...ofRedis].map(([name, cell]) => [
      name,
      ...nodeCosts.map(([count, costs]) => cell(costs, count)),
    ]),
  ),
].join('\n\n');
console.log(tables);
if (process.argv.includes('--write')) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, after] = [text.split(MARKS[0])[0], text.split(MARKS[1])[1]];
  writeFileSync(DOCUMENT, `${before}${MARKS[0]}\n${tables}\n${MARKS[1]}${after}`);
}
process.exit();
