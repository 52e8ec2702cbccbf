// The figures of docs/performance.md, each measured side by side in one run. Every function returns rows of a table.
import autocannon from 'autocannon';
import { alternate, Peer } from './harness.mjs';
import { median, spread } from './statistics.mjs';

/** Pairs of an alternating measurement. */
const PAIRS = Number(process.env.PAIRS ?? 15);
const SHORT = process.env.SHORT === '1';

/** A server and the clients that are connected to it. */
async function startPair(kind, clients, options) {
  const server = new Peer('./servers.mjs');
  const facts = await server.call('start', { kind, options });
  const group = new Peer('./clients.mjs');
  if (clients > 0) await group.call('open', { count: clients, ...facts });
  for (let wait = 0; (await server.call('connections')) < clients; wait++) {
    if (wait > 100)
      throw new Error(`only ${await server.call('connections')} clients of ${kind} are connected`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    server,
    group,
    facts,
    stop() {
      group.stop();
      server.stop();
    },
  };
}

/** Deliveries a second of a number of broadcasts, from the first to the last byte read. */
async function fanOutOnce({ server, group, facts }, clients, broadcasts) {
  await group.call('expect', clients * broadcasts * facts.bytesPerDelivery);
  const clientCpu = await group.call('cpu');
  const { startedAt, cpuUs } = await server.call('broadcast', broadcasts);
  const endedAt = await group.call('awaitBytes');
  const { user, system } = await group.call('cpu');
  const us = Number(endedAt - startedAt) / 1000;
  return {
    perSecond: (clients * broadcasts * 1e6) / us,
    serverCpu: cpuUs / us,
    clientCpu: (user + system - clientCpu.user - clientCpu.system) / us,
  };
}

function ratioRow(name, target, results, of, against, metric) {
  const ratios = results[of].map((one, index) => metric(one) / metric(results[against][index]));
  return {
    name,
    value: `${median(ratios).toFixed(2)} ×`,
    spread: spread(ratios),
    target,
    number: median(ratios),
  };
}

/** (a) Fan-out to 2,000 clients of one namespace, beside the ways that others do it. */
export async function fanOut() {
  const clients = 2000;
  const broadcasts = SHORT ? 20 : 60;
  const kinds = ['ours', 'ready', 'plain', 'socketio'];
  const pairs = Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, await startPair(kind, clients)])),
  );
  const once = (kind) => fanOutOnce(pairs[kind], clients, broadcasts);
  for (const kind of kinds) await once(kind);
  const results = await alternate(PAIRS, Object.fromEntries(kinds.map((kind) => [kind, () => once(kind)])));
  for (const pair of Object.values(pairs)) pair.stop();
  const perSecond = ({ perSecond }) => perSecond;
  const clientCpu = median(results.ours.map((one) => one.clientCpu));
  const rates = kinds
    .map((kind) => `${kind} ${Math.round(median(results[kind].map(perSecond)) / 1000)} k/s`)
    .join(', ');
  return [
    {
      ...ratioRow(
        'fan-out, 2,000 clients of one namespace, against a loop of `socket.write` of ready bytes',
        '≥ 0.90',
        results,
        'ours',
        'ready',
        perSecond,
      ),
      pass: (n) => n >= 0.9,
    },
    {
      ...ratioRow(
        'the same against a loop of `ws.send(string)`',
        '≥ 1.2',
        results,
        'ours',
        'plain',
        perSecond,
      ),
      pass: (n) => n >= 1.2,
    },
    ratioRow('the same against Socket.IO 4', '', results, 'ours', 'socketio', perSecond),
    { name: 'deliveries/s (medians, this machine)', value: rates, spread: '', target: '' },
    {
      name: 'CPU of the client process meanwhile',
      value: `${Math.round(clientCpu * 100)} %`,
      spread: clientCpu > 0.9 ? 'the clients were the bottleneck' : '',
      target: '',
    },
  ];
}

/** (b) One broadcast to 100 clients, with others connected that it is not for. */
export async function otherClients() {
  const listeners = 100;
  const counts = [0, 5000, 9000];
  const pairs = [];
  for (const others of counts) {
    const pair = await startPair('ours', listeners);
    const bystanders = new Peer('./clients.mjs');
    if (others > 0)
      await bystanders.call('open', {
        ...pair.facts,
        path: pair.facts.path.replace('token=all', 'token=other'),
        count: others,
      });
    pairs.push({ ...pair, bystanders });
  }
  const tasks = Object.fromEntries(
    counts.map((others, index) => [
      others,
      async () => median(await pairs[index].server.call('timeBroadcasts', 200)),
    ]),
  );
  for (const task of Object.values(tasks)) await task();
  const results = await alternate(PAIRS, tasks);
  for (const { stop, bystanders } of pairs) {
    bystanders.stop();
    stop();
  }
  const us = (us) => us;
  return [
    {
      ...ratioRow(
        'one broadcast to 100 clients with 5,000 others, against none',
        '',
        results,
        '5000',
        '0',
        us,
      ),
    },
    {
      ...ratioRow(
        'one broadcast to 100 clients with 9,000 others, against none',
        '≤ 1.3',
        results,
        '9000',
        '0',
        us,
      ),
      pass: (n) => n <= 1.3,
    },
    {
      name: 'one broadcast to 100 clients',
      value: `${Math.round(median(results['0']))} µs`,
      spread: spread(results['0'], 0),
      target: '',
    },
  ];
}

/** (c) Bursts: the cursors of one request against as many requests. */
export async function bursts() {
  const clients = 500;
  const pair = await startPair('ours', clients);
  const post = poster(pair.facts.apiUrl);
  const body = (count) =>
    JSON.stringify(Array.from({ length: count }, () => ({ namespace: 'all', cursor: '1700000000000000' })));
  const bodies = new Map([1, 10, 100].map((count) => [count, body(count)]));
  const run = (size, requests) => async () => {
    const bytes = clients * size * requests * pair.facts.bytesPerDelivery;
    await pair.group.call('expect', bytes);
    const startedAt = process.hrtime.bigint();
    for (let request = 0; request < requests; request++) await post(bodies.get(size));
    const endedAt = await pair.group.call('awaitBytes');
    return (clients * size * requests * 1e9) / Number(endedAt - startedAt);
  };
  const tasks = { 1: run(1, 100), 10: run(10, 10), 100: run(100, 1) };
  for (const task of Object.values(tasks)) await task();
  const results = await alternate(PAIRS, tasks);
  pair.stop();
  const rate = (perSecond) => perSecond;
  return [
    ratioRow(
      'bursts of 10 cursors in a batch, deliveries/s against single emits',
      '',
      results,
      '10',
      '1',
      rate,
    ),
    {
      ...ratioRow(
        'burst of 100 cursors in one batch, deliveries/s against 100 single emits',
        '≥ 5',
        results,
        '100',
        '1',
        rate,
      ),
      pass: (n) => n >= 5,
    },
  ];
}

function poster(apiUrl) {
  return async (body) => {
    const response = await fetch(`${apiUrl}/v1/cursors`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the API answered ${response.status}`);
  };
}

/** (d) The longest that a heartbeat holds the event loop up. */
export async function heartbeat() {
  const intervalMs = 1000;
  const rows = [];
  for (const clients of SHORT ? [1000, 9500] : [1000, 5000, 9500]) {
    const server = new Peer('./servers.mjs');
    const facts = await server.call('start', {
      kind: 'ours',
      options: { heartbeatIntervalMs: intervalMs, heartbeatTimeoutMs: 20_000 },
    });
    const group = new Peer('./clients.mjs');
    await group.call('open', { ...facts, count: clients, pongs: true });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const longest = await server.call('longestDelays', { beats: 11, ms: intervalMs });
    const left = await server.call('connections');
    group.stop();
    server.stop();
    if (left !== clients) throw new Error(`${clients - left} clients that answered were closed`);
    rows.push({
      name: `longest event-loop delay in a heartbeat at ${clients.toLocaleString('en-US')} clients`,
      value: `${median(longest).toFixed(1)} ms`,
      spread: spread(longest, 1),
      target: clients === 9500 ? '≤ 20 ms' : '',
      number: median(longest),
      ...(clients === 9500 ? { pass: (n) => n <= 20 } : {}),
    });
  }
  const idle = new Peer('./servers.mjs');
  await idle.call('start', { kind: 'ours' });
  const longest = await idle.call('longestDelays', { beats: 11, ms: intervalMs });
  idle.stop();
  rows.push({
    name: 'the same with no clients at all',
    value: `${median(longest).toFixed(1)} ms`,
    spread: spread(longest, 1),
    target: '',
  });
  return rows;
}

/** (e) What a connected, idle client costs the server. */
export async function idleMemory() {
  const rows = [];
  for (const kind of ['ours', 'plain']) {
    for (const clients of [1000, 9500]) {
      const server = new Peer('./servers.mjs');
      const facts = await server.call('start', { kind });
      const group = new Peer('./clients.mjs');
      // A first wave, so that what is made once is not counted to the clients.
      await group.call('open', { ...facts, count: 200 });
      await group.call('closeAll');
      const before = await server.call('liveBytes');
      await group.call('open', { ...facts, count: clients });
      const bytes = ((await server.call('liveBytes')) - before) / clients;
      group.stop();
      server.stop();
      const isOurs = kind === 'ours';
      rows.push({
        name: `live heap and external memory of an idle client, ${clients.toLocaleString('en-US')} clients${isOurs ? '' : ', of a bare `ws` server'}`,
        value: `${(bytes / 1000).toFixed(2)} KB`,
        spread: '',
        target: isOurs ? '≤ 4 KB' : '',
        number: bytes,
        ...(isOurs ? { pass: (n) => n <= 4000 } : {}),
      });
    }
  }
  return rows;
}

/** (f) How fast clients get in. */
export async function accepts() {
  const count = SHORT ? 500 : 6000;
  const tasks = {};
  const peers = [];
  for (const kind of ['ours', 'plain']) {
    const server = new Peer('./servers.mjs');
    const facts = await server.call('start', { kind });
    const group = new Peer('./clients.mjs');
    peers.push(server, group);
    tasks[kind] = async () => {
      const before = await server.call('cpu');
      const perSecond = await group.call('open', { ...facts, count, atOnce: 64 });
      const { user, system } = await server.call('cpu');
      await group.call('closeAll');
      return { perSecond, cpuUs: (user + system - before.user - before.system) / count };
    };
    await tasks[kind]();
  }
  const results = await alternate(PAIRS, tasks);
  for (const peer of peers) peer.stop();
  return [
    {
      ...ratioRow(
        'connects/s against a bare `ws` server without a manager',
        '≥ 0.95',
        results,
        'ours',
        'plain',
        ({ perSecond }) => perSecond,
      ),
      pass: (n) => n >= 0.95,
    },
    ratioRow(
      'CPU of the server for a connect, against a bare `ws` server',
      '',
      results,
      'ours',
      'plain',
      ({ cpuUs }) => cpuUs,
    ),
    {
      name: 'connects/s (median, this machine)',
      value: `${Math.round(median(results.ours.map(({ perSecond }) => perSecond)))}/s`,
      spread: spread(
        results.ours.map(({ perSecond }) => perSecond),
        0,
      ),
      target: '',
    },
  ];
}

/** (g) The HTTP path of an emit. */
export async function httpEmit() {
  const pair = await startPair('ours', 100);
  const body = JSON.stringify({ namespace: 'all', cursor: '1700000000000000' });
  const drive = async (path, options) => {
    const result = await autocannon({
      url: `${pair.facts.apiUrl}${path}`,
      connections: 10,
      duration: SHORT ? 2 : 5,
      ...options,
    });
    if (result.non2xx + result.errors > 0)
      throw new Error(`${result.non2xx} not 2xx, ${result.errors} errors`);
    return result;
  };
  const emit = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  await drive('/healthz', {});
  const emits = await drive('/v1/cursors', emit);
  const health = await drive('/healthz', {});
  // One request at a time: its time is the inverse of the rate, which autocannon's whole milliseconds cannot tell.
  const one = { connections: 1, duration: SHORT ? 1 : 3 };
  const millisecondsEach = async (path, options) =>
    1000 / (await drive(path, { ...options, ...one })).requests.average;
  const alone = { emit: [], health: [] };
  for (let round = 0; round < PAIRS; round++) {
    alone.emit.push(await millisecondsEach('/v1/cursors', emit));
    alone.health.push(await millisecondsEach('/healthz', {}));
  }
  const added = alone.emit.map((time, index) => time - alone.health[index]);
  pair.stop();
  return [
    {
      name: 'emit requests/s, 10 kept-alive connections, 100 clients hear each',
      value: `${Math.round(emits.requests.average)}/s`,
      spread: `latency p50 ${emits.latency.p50} ms, p99 ${emits.latency.p99} ms`,
      target: '',
    },
    {
      name: 'the same for `GET /healthz`, which does nothing',
      value: `${Math.round(health.requests.average)}/s`,
      spread: `latency p50 ${health.latency.p50} ms, p99 ${health.latency.p99} ms`,
      target: '',
    },
    {
      name: 'time of an emit to 100 clients, one request at a time on one kept-alive connection',
      value: `${median(alone.emit).toFixed(3)} ms`,
      spread: spread(alone.emit, 3),
      target: '',
    },
    {
      name: 'added latency of an emit over `/healthz`, which does nothing',
      value: `${median(added).toFixed(3)} ms`,
      spread: spread(added, 3),
      target: '',
    },
  ];
}
