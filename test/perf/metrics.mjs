// What metrics cost: a server that is asked for them every second, beside one that is never asked.
//
//   npm run perf:metrics
//
// `PAIRS` is how many alternating pairs of each (default 15), `SHORT=1` a quick look.
import { alternate, Peer } from './harness.mjs';
import { median, spread } from './statistics.mjs';

const PAIRS = Number(process.env.PAIRS ?? 15);
const SHORT = process.env.SHORT === '1';
const SCRAPE_MS = 1000;
const TARGET = 1.02;

/** Asks for the metrics every second; returns a function that stops it. */
async function scrape(apiUrl) {
  const ask = async () => {
    const response = await fetch(`${apiUrl}/metrics`);
    const text = await response.text();
    if (!text.includes('datafn_ws_connections ')) throw new Error(`no metrics: ${text.slice(0, 200)}`);
  };
  await ask();
  const timer = setInterval(() => void ask().catch(() => {}), SCRAPE_MS);
  return () => clearInterval(timer);
}

/** A server of each kind, with its clients. */
async function startBoth(clients) {
  const start = async (isAsked) => {
    const server = new Peer('./servers.mjs');
    const facts = await server.call('start', { kind: 'ours' });
    const group = new Peer('./clients.mjs');
    const stopScrape = isAsked ? await scrape(facts.apiUrl) : () => {};
    if (clients > 0) await group.call('open', { count: clients, ...facts });
    return {
      server,
      group,
      facts,
      stop() {
        stopScrape();
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

const held = [
  await fanOut(2000, SHORT ? 10 : 40),
  await fanOut(10, SHORT ? 500 : 4000),
  await connects(SHORT ? 300 : 3000),
  await idleMemory(SHORT ? 1000 : 9000, SHORT ? 1 : 3),
];
process.exitCode = held.every(Boolean) ? 0 : 1;
