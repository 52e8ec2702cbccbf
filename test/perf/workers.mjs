// npm run perf:workers [-- log-level]
//
// What `serve --workers 2` costs beside `serve` alone, in alternating pairs: CPU time of all of its processes for an accepted
// connection and for a delivery, since rates on two cores say more of the clients. Then how many connections a second they
// accept when each process gets a fifth of a core, so that the clients have cores to spare; that needs root. Before that, how
// long an emit takes to a client of the worker that takes it, and to one of the other.
// PAIRS=n sets the pairs; ONLY=name measures one load.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { limitCpu } from './cpu-quota.mjs';
import { alternate, Peer } from './harness.mjs';
import { treeOf } from './process-tree.mjs';
import { median, spread } from './statistics.mjs';

const BIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
const PAIRS = Number(process.env.PAIRS ?? 9);
const LOG_LEVEL = process.argv[2] ?? 'warn';
/** Of a core, for each process while connects/s are measured. */
const SHARE = 0.2;
const FRAME_BYTES = '{"type":"cursor","cursor":"1700000000000000"}'.length + 2;

/** Microseconds on a core of all threads of a process and of those below it. */
function cpuUsOf(pid) {
  let ns = 0n;
  for (const one of treeOf(pid))
    for (const thread of readdirSync(`/proc/${one}/task`))
      ns += BigInt(readFileSync(`/proc/${one}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return Number(ns / 1000n);
}

async function start(flags) {
  const child = spawn(
    process.execPath,
    [
      BIN,
      ...['serve', '--port', '0', '--json', '--log-level', LOG_LEVEL, '--heartbeat-interval', '0'],
      ...['--max-connections', '50000', '--max-connections-per-namespace', '5000', ...flags],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const lines = createInterface({ input: child.stdout });
  const { wsUrl, apiUrl } = await new Promise((resolve) => {
    lines.once('line', (line) => resolve(JSON.parse(line)));
  });
  const stats = async () => (await fetch(`${apiUrl}/v1/stats`)).json();
  return { child, apiUrl, port: Number(new URL(wsUrl).port), stats };
}

/** Microseconds of CPU for each accepted connection. */
function connects({ count, namespaces, atOnce }) {
  return async (server) => {
    const { clients, child, port, stats } = server;
    const before = cpuUsOf(child.pid);
    const path = namespaces === 1 ? '/datafn/ws?token=all' : '/datafn/ws?token=user-{n}';
    await clients.call('open', { port, path, names: namespaces, count, atOnce });
    const opened = cpuUsOf(child.pid);
    await clients.call('closeAll');
    while ((await stats()).connections > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return (opened - before) / count;
  };
}

/** Microseconds of CPU for each delivery, of cursors that are posted one by one or in batches. */
function deliveries({ clients: count, namespaces, requests, batch }) {
  return async (server) => {
    const { clients, child, port, apiUrl } = server;
    const path = '/datafn/ws?token=user-{n}';
    if (server.open !== count) {
      await clients.call('closeAll');
      await clients.call('open', { port, path, names: namespaces, count, atOnce: 64 });
      server.open = count;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const each = count / namespaces;
    await clients.call('expect', each * requests * batch * FRAME_BYTES);
    const before = cpuUsOf(child.pid);
    for (let request = 0; request < requests; request++) {
      const items = Array.from({ length: batch }, (_, i) => ({
        namespace: `user-${(request * batch + i) % namespaces}`,
        cursor: '1700000000000000',
      }));
      const response = await fetch(`${apiUrl}/v1/cursors`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(items),
      });
      await response.arrayBuffer();
    }
    await clients.call('awaitBytes');
    return (cpuUsOf(child.pid) - before) / (each * requests * batch);
  };
}

const LOADS = {
  'connect, 64 at once, 100 namespaces': connects({ count: 3000, namespaces: 100, atOnce: 64 }),
  'connect, 64 at once, a namespace each': connects({ count: 3000, namespaces: 3000, atOnce: 64 }),
  'connect, 64 at once, one namespace': connects({ count: 3000, namespaces: 1, atOnce: 64 }),
  'connect, one after another, 100 namespaces': connects({ count: 1000, namespaces: 100, atOnce: 1 }),
  'connect, one after another, a namespace each': connects({ count: 1000, namespaces: 1000, atOnce: 1 }),
  'delivery, 2,000 clients of one namespace': deliveries({
    clients: 2000,
    namespaces: 1,
    requests: 40,
    batch: 1,
  }),
  'delivery, 100 clients of each of 20 namespaces': deliveries({
    clients: 2000,
    namespaces: 20,
    requests: 400,
    batch: 1,
  }),
  'the same, batches of 20': deliveries({ clients: 2000, namespaces: 20, requests: 40, batch: 20 }),
};

/** Connects/s of a server whose processes have a share of a core each, and the share that the clients used. */
async function connectRate({ clients, port, stats }) {
  const cpuMs = async () => {
    const { user, system } = await clients.call('cpu');
    return (user + system) / 1000;
  };
  const before = { cpuMs: await cpuMs(), atMs: performance.now() };
  const perSecond = await clients.call('open', {
    ...{ port, path: '/datafn/ws?token=user-{n}', names: 100, count: 2000, atOnce: 128 },
  });
  const clientShare = ((await cpuMs()) - before.cpuMs) / (performance.now() - before.atMs);
  await clients.call('closeAll');
  while ((await stats()).connections > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return { perSecond, clientShare };
}

/** A row: what is measured of each kind of server, and how the second compares to the first. */
function row(name, results, format) {
  const ratios = results.two.map((value, index) => value / results.one[index]);
  const cells = Object.values(results).map((values) => format(median(values)));
  console.log(`| ${[name, ...cells, `${median(ratios).toFixed(2)} ×`, spread(ratios)].join(' | ')} |`);
}

const EMITS = 100;
const CLIENTS = 16;

/** Clients with a namespace each, and whether each is at the worker that takes the emits. */
async function latencyClients({ port, apiUrl }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const clients = [];
  for (let number = 0; number < CLIENTS; number++) {
    const namespace = `latency-${number}`;
    const client = new WebSocket(`ws://127.0.0.1:${port}/datafn/ws?token=${namespace}`);
    await once(client, 'open');
    clients.push({ client, namespace });
  }
  const { clients: listed } = await (await fetch(`${apiUrl}/v1/clients?limit=1000`)).json();
  // Workers number their clients in turns.
  for (const one of clients)
    one.worker = Number(listed.find(({ namespace }) => namespace === one.namespace).id) % 2;
  return { agent, clients };
}

/** Milliseconds from the start of an emit to the frame, at the median, by the worker of the client. */
async function latencies({ apiUrl, latency: { agent, clients } }) {
  const times = [[], []];
  for (let turn = 0; turn < EMITS; turn++) {
    for (const { client, namespace, worker } of clients) {
      const heard = once(client, 'message');
      const startMs = performance.now();
      const headers = { 'content-type': 'application/json' };
      const call = request(`${apiUrl}/v1/cursors`, { agent, method: 'POST', headers });
      call.end(JSON.stringify({ namespace, cursor: String(turn) }));
      const answered = once(call, 'response').then(([response]) => once(response.resume(), 'end'));
      await heard;
      times[worker].push(performance.now() - startMs);
      await answered;
    }
  }
  return times;
}

const isChosen = (name) => process.env.ONLY === undefined || name.includes(process.env.ONLY);
const eachServer = (measure) =>
  Object.fromEntries(Object.entries(servers).map(([kind, server]) => [kind, () => measure(server)]));

const servers = { one: await start([]), two: await start(['--workers', '2']) };
for (const server of Object.values(servers)) server.clients = new Peer('./clients.mjs');
console.log('| load | one | two | two ÷ one | spread |\n|---|---|---|---|---|');
for (const [name, load] of Object.entries(LOADS).filter(([name]) => isChosen(name))) {
  const tasks = eachServer(async (server) => {
    const us = await load(server);
    if (name.startsWith('connect')) server.open = undefined;
    return us;
  });
  for (const task of Object.values(tasks)) await task();
  row(name, await alternate(PAIRS, tasks), (us) => `${us.toFixed(us < 20 ? 2 : 0)} µs`);
}

for (const { clients } of Object.values(servers)) await clients.call('closeAll');
if (isChosen('latency')) {
  for (const server of Object.values(servers)) server.latency = await latencyClients(server);
  const tasks = eachServer(latencies);
  for (const task of Object.values(tasks)) await task();
  const { one, two } = await alternate(PAIRS, tasks);
  const single = one.map((times) => median(times.flat()));
  // The worker that takes the emits is the one whose own clients hear sooner.
  const byWorker = two.map((times) => times.map((some) => median(some)));
  const mine = median(byWorker.map(([a]) => a)) <= median(byWorker.map(([, b]) => b)) ? 0 : 1;
  for (const [name, worker] of [
    ['of the worker that takes it', mine],
    ['of the other worker', 1 - mine],
  ]) {
    const more = byWorker.map((medians, pair) => medians[worker] - single[pair]);
    const cells = [median(single), median(byWorker.map((medians) => medians[worker]))];
    console.log(
      `| emit to a client ${name}, p50 | ${cells.map((ms) => `${ms.toFixed(2)} ms`).join(' | ')} | ${median(more).toFixed(2)} ms more | ${spread(more)} |`,
    );
  }
  for (const { latency } of Object.values(servers)) {
    latency.agent.destroy();
    for (const { client } of latency.clients) client.terminate();
  }
}

let release;
if (isChosen('connects/s')) {
  release = limitCpu(
    Object.values(servers).flatMap(({ child }) => treeOf(child.pid)),
    SHARE,
  );
  if (release === undefined)
    console.log('Not measured: connects/s, for which control groups must be writable.');
  else {
    const results = await alternate(PAIRS, eachServer(connectRate));
    const rates = Object.fromEntries(
      Object.entries(results).map(([kind, those]) => [kind, those.map(({ perSecond }) => perSecond)]),
    );
    row(`connects/s, a process with ${SHARE} of a core`, rates, (perSecond) => perSecond.toFixed(0));
    const busiest = Math.max(
      ...Object.values(results).flatMap((those) => those.map(({ clientShare }) => clientShare)),
    );
    console.log(`\nThe clients of that line used at most ${(busiest * 100).toFixed(0)}% of a core.`);
  }
}
await Promise.all(
  Object.values(servers).map(({ child, clients }) => {
    clients.stop();
    child.kill('SIGTERM');
    return new Promise((resolve) => child.once('exit', resolve));
  }),
);
release?.();
