// What metrics cost: a server that has been asked for them, and so times what happens, beside one that never was; and
// what it costs to ask.
//
//   npm run perf:metrics
//
// `PAIRS` is how many alternating pairs of each (default 61), `SHORT=1` a quick look. Rounds are short and many, so that
// other programs on the machine disturb both sides alike.
import { alternate, Peer } from './harness.mjs';
import { median, spread } from './statistics.mjs';

const PAIRS = Number(process.env.PAIRS ?? 61);
const SHORT = process.env.SHORT === '1';
const TARGET = 1.02;
/** From one question to the next, in ops/prometheus/prometheus.yaml. */
const SCRAPE_MS = 15_000;

async function ask(apiUrl) {
  const text = await (await fetch(`${apiUrl}/metrics`)).text();
  if (!text.includes('datafn_ws_connections ')) throw new Error(`no metrics: ${text.slice(0, 200)}`);
}

/** A server of each kind, with its clients. */
async function startBoth(clients) {
  const start = async (isAsked) => {
    const server = new Peer('./servers.mjs');
    const facts = await server.call('start', { kind: 'ours' });
    const group = new Peer('./clients.mjs');
    if (isAsked) await ask(facts.apiUrl);
    if (clients > 0) await group.call('open', { count: clients, ...facts });
    return {
      server,
      group,
      facts,
      stop() {
        group.stop();
        server.stop();
      },
    };
  };
  return { off: await start(false), on: await start(true) };
}

function row(name, { off, on }, unit, digits) {
  const ratios = on.map((value, index) => value / off[index]);
  const number = median(ratios);
  console.log(
    `${name}: with metrics ${median(on).toFixed(digits)} ${unit}, without ${median(off).toFixed(digits)}; ratio ${number.toFixed(3)} (${spread(ratios, 3)}), ${ratios.length} pairs; target ≤ ${TARGET}: ${number <= TARGET ? 'held' : 'MISSED'}`,
  );
  return number <= TARGET;
}

/** Microseconds of the server's CPU for a broadcast. */
async function fanOut(clients, broadcasts) {
  const pairs = await startBoth(clients);
  const once = async ({ server, group, facts }) => {
    await group.call('expect', clients * broadcasts * facts.bytesPerDelivery);
    const { cpuUs } = await server.call('broadcast', broadcasts);
    await group.call('awaitBytes');
    return cpuUs / broadcasts;
  };
  for (const pair of Object.values(pairs)) await once(pair);
  const results = await alternate(PAIRS, { off: () => once(pairs.off), on: () => once(pairs.on) });
  for (const pair of Object.values(pairs)) pair.stop();
  return row(`CPU of a broadcast to ${clients.toLocaleString('en-US')} clients`, results, 'µs', 1);
}

/** Microseconds of the server's CPU for a connect, its end included. */
async function connects(count) {
  const pairs = await startBoth(0);
  const once = async ({ server, group, facts }) => {
    const before = await server.call('cpu');
    await group.call('open', { ...facts, count, atOnce: 64 });
    await group.call('closeAll');
    const { user, system } = await server.call('cpu');
    return (user + system - before.user - before.system) / count;
  };
  for (const pair of Object.values(pairs)) await once(pair);
  const results = await alternate(PAIRS, { off: () => once(pairs.off), on: () => once(pairs.on) });
  for (const pair of Object.values(pairs)) pair.stop();
  return row('CPU of a connect', results, 'µs', 1);
}

/** Live heap and external memory of an idle client, in bytes. */
async function idleMemory(count, rounds) {
  const once = async (isAsked) => {
    const { off, on } = await startBoth(0);
    const { server, group, facts } = isAsked ? on : off;
    await group.call('open', { ...facts, count: 200 });
    await group.call('closeAll');
    const before = await server.call('liveBytes');
    await group.call('open', { ...facts, count });
    const bytes = ((await server.call('liveBytes')) - before) / count;
    off.stop();
    on.stop();
    return bytes;
  };
  const results = await alternate(rounds, { off: () => once(false), on: () => once(true) });
  return row('memory of an idle client', results, 'bytes', 0);
}

/** CPU of the server for one answer, by how much of the time between two that is. */
async function scrapes(clients, count) {
  const { off, on } = await startBoth(clients);
  off.stop();
  const costs = [];
  for (let round = 0; round < 9; round++) {
    const before = await on.server.call('cpu');
    for (let i = 0; i < count; i++) await ask(on.facts.apiUrl);
    const { user, system } = await on.server.call('cpu');
    costs.push((user + system - before.user - before.system) / count / 1000);
  }
  on.stop();
  const cost = median(costs);
  const share = cost / SCRAPE_MS;
  console.log(
    `CPU of one answer with ${clients.toLocaleString('en-US')} clients: ${cost.toFixed(2)} ms (${spread(costs)}); every 15 s that is ${(100 * share).toFixed(3)} % of a core`,
  );
  return share < TARGET - 1;
}

const held = [
  await fanOut(2000, SHORT ? 2 : 5),
  await fanOut(10, SHORT ? 100 : 400),
  await connects(SHORT ? 100 : 800),
  await idleMemory(SHORT ? 1000 : 9000, SHORT ? 1 : 3),
  await scrapes(2000, SHORT ? 5 : 30),
];
process.exitCode = held.every(Boolean) ? 0 : 1;
