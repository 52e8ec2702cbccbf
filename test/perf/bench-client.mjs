// What the bench's own clients cost, beside a `ws` client that only counts: deliveries a second through each, in
// turns, and the memory of an idle client. The bench's clients also read messages as DataFn's own manager sends them,
// with a field `targeting`, which take a JSON parser.
//
//   npm run perf:bench-client
//
// `BEFORE=…/dist` names another build of the project, whose clients take turns with the present ones. `PAIRS` is how
// often.
//
// A sender process writes ready frames as fast as its sockets take them; a receiver process has the clients. Each
// receiver is measured by its deliveries per second of its own CPU time as well: the wall clock of a shared machine
// is also about everybody else on it.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath, pathToFileURL } from 'node:url';
import WebSocket, { WebSocketServer } from 'ws';
import { median, spread } from './statistics.mjs';

const CLIENTS = 200;
const IDLE_CLIENTS = 2000;
/** Frames in one write: enough to make the receiver the bottleneck, few enough to be like a burst of cursors. */
const FRAMES = 32;
const MEASURE_MS = 1500;
const PAIRS = Number(process.env.PAIRS ?? 9);
const FIRST_CURSOR = 1_700_000_000_000_000;
const HERE = new URL('../../dist/', import.meta.url);
const BEFORE = process.env.BEFORE === undefined ? undefined : pathToFileURL(`${process.env.BEFORE}/`);

/** What is sent to each kind of receiver. */
const LAYOUTS = {
  ours: (cursor) => `{"type":"cursor","cursor":"${cursor}"}`,
  targeting: (cursor) =>
    `{"type":"cursor","cursor":"${cursor}","targeting":{"mode":"namespace-broadcast","degraded":false}}`,
};

const [, , role, ...args] = process.argv;
if (role === 'sender') await sender();
else if (role === 'receiver') await receiver(args[0], args[1]);
else await main();

/** Accepts clients, and writes to all of them in turns for as long as the parent says. */
async function sender() {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  let layout;
  const writers = new Set();
  webSockets.on('connection', (client) => {
    const writer = { socket: client._socket, next: 0 };
    writers.add(writer);
    client.on('close', () => writers.delete(writer));
    client.on('error', () => {});
  });
  const chunks = new Map();
  /** The frames of cursors `from` to `from + FRAMES`; every client gets the same ones, so they are made once. */
  const chunkFrom = (from) => {
    let chunk = chunks.get(layout + from);
    if (chunk === undefined) {
      const frames = Array.from({ length: FRAMES }, (_, index) => {
        const text = Buffer.from(LAYOUTS[layout](FIRST_CURSOR + from + index));
        return Buffer.concat([Buffer.from([0x81, text.length]), text]);
      });
      chunk = Buffer.concat(frames);
      chunks.set(layout + from, chunk);
      if (chunks.size > 2000) chunks.delete(chunks.keys().next().value);
    }
    return chunk;
  };
  const round = () => {
    if (layout === undefined) return;
    for (const writer of writers) {
      if (writer.socket.writableLength > 64 * 1024) continue;
      writer.socket.write(chunkFrom(writer.next));
      writer.next += FRAMES;
    }
    setImmediate(round);
  };
  process.on('message', (command) => {
    layout = command.start;
    if (layout !== undefined) {
      for (const writer of writers) writer.next = 0;
      round();
    }
  });
  process.on('disconnect', () => process.exit());
  server.listen(0, '127.0.0.1', 4096, () => process.send(server.address().port));
}

async function receiver(kind, port) {
  const url = `ws://127.0.0.1:${port}/`;
  const clients = kind.endsWith('idle') ? IDLE_CLIENTS : CLIENTS;
  await settleMemory();
  const before = memory();
  const received = kind.startsWith('ws')
    ? await openWsClients(url, clients)
    : await openBenchClients(url, clients, kind === 'before' ? BEFORE : HERE);
  await settleMemory();
  process.send({ bytesPerClient: (memory() - before) / clients });
  process.on('message', () => {
    const [count, cpu, at] = [received(), process.cpuUsage(), performance.now()];
    setTimeout(() => {
      const { user, system } = process.cpuUsage(cpu);
      const deliveries = received() - count;
      const seconds = (performance.now() - at) / 1000;
      process.send({ perSecond: deliveries / seconds, perCpuSecond: (deliveries * 1e6) / (user + system) });
    }, MEASURE_MS);
  });
  process.on('disconnect', () => process.exit());
}

async function openWsClients(url, clients) {
  let count = 0;
  const all = await Promise.all(
    Array.from({ length: clients }, () => {
      const client = new WebSocket(url, { perMessageDeflate: false });
      client.on('message', () => {
        count += 1;
      });
      return new Promise((resolve) => client.once('open', () => resolve(client)));
    }),
  );
  return () => count + 0 * all.length;
}

/** The bench's clients, every check on: each cursor is looked up in its plan and held against what came before. */
async function openBenchClients(url, clients, dist) {
  const { ClientFleet } = await import(new URL('bench/fleet/client-fleet.js', dist));
  const { monotonicMs } = await import(new URL('bench/measure/clock.js', dist));
  const fleet = new ClientFleet();
  const settings = {
    pongDelayMs: 0,
    pauseMs: 0,
    readBytesPerSecond: 0,
    resetAfterMs: 0,
    kinds: [],
    dropEveryMs: 0,
    backoffScale: 1,
  };
  const cohort = { name: 'all', clients, namespaces: [0], behavior: 'healthy', hello: undefined, settings };
  fleet.setup({
    urls: [url],
    cohorts: [cohort],
    namespaces: ['all'],
    credentials: { kind: 'namespace' },
    worker: 0,
    workers: 1,
    seed: 1,
    startMs: 0,
    localAddresses: [],
    tls: undefined,
  });
  await fleet.connect({
    kind: 'connect',
    cohort: 0,
    arrivals: undefined,
    timeoutMs: 10_000,
    startMs: monotonicMs(),
  });
  fleet.expectPlan({
    id: 1,
    firstCursor: FIRST_CURSOR,
    count: 100_000_000,
    namespaces: [0],
    batch: 1,
    startMs: monotonicMs() + 50,
    intervalMs: 0.01,
    isOrdered: true,
    cursorLength: 0,
  });
  return () => {
    const { open, received } = fleet.status();
    if (open[0] !== clients) throw new Error(`only ${open[0]} of ${clients} clients are open`);
    const { counters } = peek(fleet);
    const wrong = ['lost', 'duplicated', 'reordered', 'leaked', 'foreign', 'protocolErrors'];
    if (wrong.some((name) => counters[name] > 0)) {
      throw new Error(`the stream was not received right: ${JSON.stringify(counters)}`);
    }
    return received;
  };
}

/** The counters so far, put back where they were taken from. */
function peek(fleet) {
  // `BEFORE` may be a build in which the call had another name.
  const [data] = (fleet.takeCounts ?? fleet.cut).call(fleet).tallies;
  totals ??= { ...data.counters };
  for (const name of Object.keys(totals)) totals[name] = Math.max(totals[name], data.counters[name]);
  return { counters: totals };
}
var totals;

async function settleMemory() {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Live heap and what it holds outside. */
function memory() {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function main() {
  const self = fileURLToPath(import.meta.url);
  const start = (...roleAndArgs) => fork(self, roleAndArgs, { execArgv: ['--expose-gc'] });
  const next = (child) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`a process of the harness ended with ${code}`)));
    });
  const source = start('sender');
  const port = await next(source);
  const idle = {};
  for (const kind of ['ws-idle', 'bench-idle']) {
    const child = start('receiver', kind, port);
    idle[kind] = (await next(child)).bytesPerClient;
    child.kill();
  }
  const kinds = ['ws', 'bench', 'targeting', ...(BEFORE === undefined ? [] : ['before'])];
  const results = Object.fromEntries(kinds.map((kind) => [kind, []]));
  for (let pair = 0; pair < PAIRS; pair++) {
    for (const kind of pair % 2 === 0 ? kinds : kinds.toReversed()) {
      const child = start('receiver', kind, port);
      await next(child);
      source.send({ start: kind === 'targeting' ? 'targeting' : 'ours' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.send('measure');
      results[kind].push(await next(child));
      source.send({});
      child.kill();
    }
  }
  source.kill();
  const ratio = (metric, kind, to) =>
    results[kind].map((one, index) => one[metric] / results[to][index][metric]);
  const comparisons = [
    ['bench against ws', 'bench', 'ws', 0.85, undefined],
    ['with `targeting` against ours', 'targeting', 'bench', undefined, 0.6],
    ...(BEFORE === undefined ? [] : [['against the build before', 'bench', 'before', undefined, 0.95]]),
  ];
  const figures = comparisons.flatMap(([name, kind, to, wall, cpu]) => [
    { name: `deliveries/s, ${name}`, ratios: ratio('perSecond', kind, to), target: wall },
    { name: `deliveries per second of CPU, ${name}`, ratios: ratio('perCpuSecond', kind, to), target: cpu },
  ]);
  const lines = figures.map(
    ({ name, ratios, target }) =>
      `| ${name} | ${median(ratios).toFixed(2)} × | ${spread(ratios)} | ${target === undefined ? '' : `≥ ${target}`} |`,
  );
  console.log(['| figure | median | spread | target |', '|---|---|---|---|', ...lines].join('\n'));
  console.log(`| idle client of the bench | ${(idle['bench-idle'] / 1024).toFixed(1)} KiB | | ≤ 12 KB |`);
  console.log(`| idle client of ws | ${(idle['ws-idle'] / 1024).toFixed(1)} KiB | | |`);
  console.log(
    `\nMedians: bench ${Math.round(median(results.bench.map((one) => one.perSecond)))}/s, ws ${Math.round(median(results.ws.map((one) => one.perSecond)))}/s, ${PAIRS} pairs`,
  );
  const failed =
    idle['bench-idle'] > 12_000 || figures.some(({ ratios, target }) => median(ratios) < (target ?? 0));
  process.exitCode = failed ? 1 : 0;
}
