// npm run perf:workers [-- log-level]
//
// What `serve --workers 2` costs beside `serve` alone: CPU time of all of its processes for an accepted connection and for a delivery, in alternating pairs. CPU time, since rates on two cores say more of the clients.
// PAIRS=n sets the pairs; ONLY=name measures one load.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { alternate, Peer } from './harness.mjs';
import { treeOf } from './process-tree.mjs';
import { median, spread } from './statistics.mjs';

const BIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
const PAIRS = Number(process.env.PAIRS ?? 9);
const LOG_LEVEL = process.argv[2] ?? 'warn';
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

const servers = { one: await start([]), two: await start(['--workers', '2']) };
for (const server of Object.values(servers)) server.clients = new Peer('./clients.mjs');
console.log(
  `| load | ${Object.keys(servers).join(' | ')} | two ÷ one | spread |\n|---|${Object.keys(servers)
    .map(() => '---|')
    .join('')}---|---|`,
);
for (const [name, load] of Object.entries(LOADS)) {
  if (process.env.ONLY !== undefined && !name.includes(process.env.ONLY)) continue;
  const tasks = Object.fromEntries(
    Object.entries(servers).map(([kind, server]) => [
      kind,
      async () => {
        const us = await load(server);
        if (name.startsWith('connect')) server.open = undefined;
        return us;
      },
    ]),
  );
  for (const task of Object.values(tasks)) await task();
  const results = await alternate(PAIRS, tasks);
  const ratios = results.two.map((us, index) => us / results.one[index]);
  const cells = Object.values(results).map((us) => `${median(us).toFixed(median(us) < 20 ? 2 : 0)} µs`);
  console.log(`| ${[name, ...cells, `${median(ratios).toFixed(2)} ×`, spread(ratios)].join(' | ')} |`);
}
for (const { child, clients } of Object.values(servers)) {
  clients.stop();
  child.kill('SIGTERM');
}
