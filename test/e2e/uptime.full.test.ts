import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, runCli, type ServeProcess, startCli, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient, startClient } from '../support/live-server.js';
import { onSignal, preloaded } from '../support/preloaded.js';
import type { RawClient } from '../support/raw-client.js';

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

const INDEX = new URL('../../dist/index.js', import.meta.url).href;
const GOING_AWAY = { code: 1001, reason: 'Going Away' };

const stats = async (serve: ServeProcess) => (await call('GET', `${serve.apiUrl}/v1/stats`)).json;

/** Asks for the stats until they are as wanted; the last ones. */
async function untilStats(
  serve: ServeProcess,
  // biome-ignore lint/suspicious/noExplicitAny: stats as they come
  isMet: (stats: any) => boolean,
  what: string,
) {
  let last: unknown;
  const poll = async () => {
    for (;;) {
      last = await stats(serve);
      if (isMet(last)) return last;
      await sleep(20);
    }
  };
  // biome-ignore lint/suspicious/noExplicitAny: stats as they come
  return within<any>(poll(), () => `${what}: ${JSON.stringify(last)}`);
}

const STALL = 'const until = performance.now() + 900; while (performance.now() < until);';

const newest = (client: RawClient) => Number.parseInt(JSON.parse(client.texts.at(-1) ?? '{}').cursor, 10);

/** Posts batches of cursors of 256 characters until somebody is backed up; the number of the last. */
async function flood(serve: ServeProcess, namespace: string): Promise<number> {
  let cursor = 0;
  for (;;) {
    const batch = Array.from({ length: 1000 }, () => {
      cursor += 1;
      return { namespace, cursor: `${cursor}`.padEnd(256, 'x') };
    });
    expect((await postCursors(serve.apiUrl, batch)).status).toBe(200);
    if ((await stats(serve)).blocked > 0) return cursor;
  }
}

describe('slow clients', () => {
  test('one that does not read gets the newest cursor when it does, and the stats tell of it', async () => {
    const serve = await startServe(['--client-buffer', '1KiB', '--log-level', 'warn']);
    const slow = await openClient(serve.wsUrl, 'a');
    slow.pause();
    const last = await flood(serve, 'a');
    expect(await stats(serve)).toMatchObject({ connections: 1, blocked: 1, slowClosed: 0 });
    slow.resume();
    await slow.until(() => newest(slow) === last, 'the newest cursor');
    const { conflated } = await untilStats(serve, ({ blocked }) => blocked === 0, 'nobody backed up');
    expect(slow.texts.length + conflated).toBe(last);
    expect(conflated).toBeGreaterThan(0);
  });

  test('one that stays backed up for --slow-client-timeout is closed with 1013, and logged with the reason', async () => {
    const serve = await startServe(['--slow-client-timeout', '200ms']);
    const slow = await openClient(serve.wsUrl, 'a');
    slow.pause();
    await flood(serve, 'a');
    await serve.logged(/#1 a closed by the server with 1013 Client too slow$/);
    expect(await stats(serve)).toMatchObject({
      connections: 0,
      blocked: 0,
      slowClosed: 1,
      closed: { 1013: 1 },
    });
  });
});

describe('resume', () => {
  const HELLO = '{"type":"hello","clientId":"c","cursors":{"todos":"41"}}';

  test.each([
    ['with --resume is sent it at once', ['--resume'], ['{"type":"cursor","cursor":"42"}']],
    ['without it hears of the next cursor only', [], []],
  ])('a client that missed a cursor %s', async (_, flags, texts) => {
    const serve = await startServe([...flags, '--log-level', 'warn']);
    await postCursors(serve.apiUrl, { namespace: 'a', cursor: '42' });
    const client = await openClient(serve.wsUrl, 'a');
    client.say(HELLO);
    // The first pong overtakes the cursors of its turn.
    await client.roundTrip();
    await client.roundTrip();
    expect(client.texts).toEqual(texts);
    expect((await stats(serve)).resumed).toBe(texts.length);
  });

  test('with --monotonic emit is told which cursor was refused, and why', async () => {
    const serve = await startServe(['--monotonic']);
    const emit = (cursor: string) => runCli(['emit', cursor, '-n', 'a', '--url', serve.apiUrl]);
    expect((await emit('42')).code).toBe(0);
    const { code, stdout, stderr } = await emit('41');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('409');
    expect(stderr).toContain('to be at least 42');
    expect(await stats(serve)).toMatchObject({ broadcasts: 1, stale: 1 });
  });
});

describe('drain', () => {
  test('on a signal spreads the closes over the window, and the log tells who left and who was cut', async () => {
    const serve = await startServe(['--drain', '600ms', '--shutdown-timeout', '300ms']);
    const clients = [];
    for (let index = 0; index < 4; index++) clients.push(await openClient(serve.wsUrl, 'a'));
    await openClient(serve.wsUrl, 'a', { answersClose: false });
    const startedAt = performance.now();
    serve.kill('SIGTERM');
    await clients[0]?.closed();
    expect((await call('GET', `${serve.apiUrl}/readyz`)).status).toBe(503);
    expect((await connectClient(serve.wsUrl, { token: 'a' })).status).toBe(503);
    // The last of those that came first is told to go when the window is more than half over.
    expect(clients[3]?.closeFrame).toBeUndefined();
    expect(await serve.ended()).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeGreaterThan(350);
    expect(serve.stderr).toContain('SIGTERM: draining 5 clients with 1001 over 600 ms; send it again');
    expect(serve.stderr).toContain('! stopped: 4 sockets ended, 1 terminated; 4 clients left with 1001');
  });

  test('asked for over HTTP ends the process as a signal does; a signal joins it, and a second one does not wait', async () => {
    const drain = (serve: ServeProcess) =>
      call('POST', `${serve.apiUrl}/v1/drain`, {
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
    const [short, long] = [await startServe(['--drain', '100ms']), await startServe(['--drain', '60s'])];
    await openClient(short.wsUrl, 'a');
    expect((await drain(short)).status).toBe(202);
    expect(await short.ended()).toEqual({ code: 0, signal: null });
    expect(short.stderr).toContain('POST /v1/drain: draining 1 client with 1001 over 100 ms\n');
    expect(short.stderr).toContain('  stopped: 1 socket ended; 1 client left with 1001');

    const clients = [await openClient(long.wsUrl, 'a'), await openClient(long.wsUrl, 'a')];
    expect((await drain(long)).status).toBe(202);
    await clients[0]?.closed();
    long.kill('SIGTERM');
    // What is left of the window, which is less than all of it.
    await long.logged(/SIGTERM: already draining 1 client with 1001 over the next [\d.]+ s; send it again/);
    const { drainMs } = (await drain(long)).json;
    expect([drainMs > 40_000, drainMs < 60_000], `${drainMs}`).toEqual([true, true]);
    await long.logged(/POST \/v1\/drain: already draining/);
    expect(clients[1]?.isOpen).toBe(true);
    long.kill('SIGTERM');
    expect(await long.ended()).toEqual({ code: 143, signal: null });
  });
});

describe('a log that nobody reads', () => {
  /** Has the server log so many lines of some 300 bytes. */
  async function fill(serve: ServeProcess, lines: number): Promise<void> {
    const batch = Array.from({ length: 1000 }, () => ({ namespace: 'a', cursor: '1'.padEnd(256, 'x') }));
    for (let logged = 0; logged < lines; logged += 1000) await postCursors(serve.apiUrl, batch);
  }
  const LINES = 8000;

  test('takes a bounded part of the memory; once it is read again, it says how many lines are missing', async () => {
    const serve = await startServe();
    serve.child.stderr?.pause();
    await fill(serve, LINES);
    serve.child.stderr?.resume();
    const line = await serve.logged(/lines of this log were dropped: the reader was too slow$/);
    const dropped = Number(/ ([\d,]+) lines of/.exec(line)?.[1]?.replaceAll(',', ''));
    expect(dropped).toBeGreaterThan(1000);
    expect(serve.stderr.match(/ cursor 1x/g)).toHaveLength(LINES - dropped);
    await fill(serve, 1);
    await serve.until(
      () => serve.stderr.match(/ cursor 1x/g)?.length === LINES + 1000 - dropped,
      'more lines',
    );
  });
});

describe('a mistake of ours that nobody caught', () => {
  test.each([
    ['rejected', "Promise.reject(new Error('ouch'))"],
    ['thrown again and again', "setInterval(() => { throw new Error('ouch') }, 1)"],
  ])('and is %s is logged, tells everybody 1001, and ends the process with 70', async (_, statement) => {
    const serve = await startServe(['--drain', '60s'], onSignal(statement));
    const clients = [await openClient(serve.wsUrl, 'a'), await openClient(serve.wsUrl, 'b')];
    serve.kill('SIGUSR2');
    for (const client of clients) expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 70, signal: null });
    expect(serve.stderr).toMatch(
      /✗ uncaught error in datafn-ws \S+, closing all clients with 1001; please report it/,
    );
    expect(serve.stderr.match(/Error: ouch/g)).toHaveLength(1);
  });

  test('and cannot be shown is told all the same', async () => {
    const error =
      "throw Object.defineProperty(new Error('ouch'), 'stack', { get() { throw new Error('no'); } })";
    const serve = await startServe([], onSignal(error));
    const client = await openClient(serve.wsUrl, 'a');
    serve.kill('SIGUSR2');
    expect(await client.closed()).toEqual(GOING_AWAY);
    expect(await serve.ended()).toEqual({ code: 70, signal: null });
    expect(serve.stderr).toMatch(/✗ uncaught error in datafn-ws .*\n +ouch\n/);
  });

  test('is one line where the log is JSON, and clients that do not answer do not hold it up', async () => {
    const serve = await startServe(
      ['--log-format', 'json', '--close-timeout', '60s', '--shutdown-timeout', '60s'],
      onSignal("throw new Error('ouch')"),
    );
    const dead = await openClient(serve.wsUrl, 'a', { answersClose: false });
    serve.kill('SIGUSR2');
    expect(await serve.ended()).toEqual({ code: 70, signal: null });
    expect(dead.closeFrame).toEqual(GOING_AWAY);
    const event = JSON.parse(await serve.logged(/server\.crashed/));
    expect(event).toMatchObject({ level: 'error', event: 'server.crashed' });
    expect(event.stack).toContain('Error: ouch');
  });
});

const hasProc = process.platform === 'linux';
if (!hasProc && process.env.CI) throw new Error('These tests count descriptors in /proc, which is not there');

/** Sockets that a process has open. */
function descriptors({ pid }: ServeProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

describe.skipIf(!hasProc)('without file descriptors', () => {
  /** CPU time that a process has used so far, in milliseconds. */
  const cpuMs = (serve: ServeProcess): number => {
    const fields = readFileSync(`/proc/${serve.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };

  test('serve goes on, says so once, does not spin, and takes clients again when there are some', async () => {
    const serve = await startServe(['--log-level', 'warn'], { descriptors: 120 });
    const inside = await openClient(serve.wsUrl, 'a');
    const flood = Array.from({ length: 200 }, () => startClient(serve.wsUrl, { token: 'a' }));
    const dropped = () => flood.filter(({ status, ended }) => status === 0 && ended !== undefined);
    await serve.logged(/Out of file descriptors/);
    await within(
      (async () => {
        while (dropped().length === 0) await sleep(10);
      })(),
      'a client to be dropped',
    );
    const [before, startedAt] = [cpuMs(serve), performance.now()];
    // Those that are in are served.
    for (let round = 0; round < 20; round++) {
      await inside.roundTrip();
      await sleep(20);
    }
    expect(cpuMs(serve) - before).toBeLessThan((performance.now() - startedAt) * 0.7);
    for (const client of flood) client.socket.destroy();
    await serve.logged(/File descriptors are free again/);
    expect((await openClient(serve.wsUrl, 'a')).isOpen).toBe(true);
    const { limited } = await untilStats(serve, ({ sockets }) => sockets === 2, 'the end of the flood');
    expect(limited.descriptors).toBe(1);
    expect(serve.stderr.match(/Out of file descriptors/g)).toHaveLength(1);
    expect(serve.exit).toBeUndefined();
  });
});

test('a shortage of file descriptors that the system tells of again and again is logged once, and ends nothing', async () => {
  const short = `
    import { subscribe } from 'node:diagnostics_channel';
    let server;
    subscribe('net.server.socket', ({ socket }) => { server = socket.server; });
    process.on('SIGUSR2', () => {
      const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
      for (let again = 0; again < 3; again++) server.emit('error', error);
    });`;
  const serve = await startServe(['--log-level', 'warn'], preloaded(short));
  const client = await openClient(serve.wsUrl, 'a');
  serve.kill('SIGUSR2');
  await serve.logged(/Out of file descriptors/);
  await client.roundTrip();
  expect((await stats(serve)).limited.descriptors).toBe(1);
  expect(serve.stderr.match(/Out of file descriptors/g)).toHaveLength(1);
});

test('with too few file descriptors to load its code, serve says so in one line and exits 3', async () => {
  // With how many Node.js itself starts and our code cannot be loaded differs from one version to the next.
  const outcomes: string[] = [];
  for (const descriptors of [32, 30, 28, 26, 24, 23, 22, 21]) {
    const serve = startCli(['serve', '-p', '0'], { descriptors });
    await serve.until(() => serve.exit !== undefined || serve.stdout.includes('Ctrl-C'), 'a start or an end');
    if (serve.exit !== undefined) outcomes.push(`${serve.exit.code} ${serve.stderr}`);
    await serve.dispose();
  }
  expect(outcomes).toContain('3 error: Too few file descriptors to start. Raise the limit with ulimit -n\n');
});

describe('shedding load', () => {
  test('with --shed-above new clients get 503 as long as each turn is late, those that are in stay', async () => {
    // Turns of more than a second, one after the other.
    const busy =
      'let turns = 4; const turn = () => { const until = performance.now() + 1050; while (performance.now() < until); if (--turns) setImmediate(turn); }; turn();';
    const serve = await startServe(['--shed-above', '500ms'], onSignal(busy));
    const inside = await openClient(serve.wsUrl, 'a');
    await inside.roundTrip();
    serve.kill('SIGUSR2');
    for (const _ of [1, 2]) await inside.roundTrip();
    const refused = await connectClient(serve.wsUrl, { token: 'a' });
    expect([refused.status, /^Retry-After: 2\r?$/m.test(refused.head)]).toEqual([503, true]);
    await inside.roundTrip();
    const { limited, process } = await stats(serve);
    expect(limited.eventLoopDelay).toBe(1);
    expect(process.eventLoopDelayRecentMaxMs).toBeGreaterThan(1000);
  });
});

describe('a storm of handshakes', () => {
  test('beyond --handshake-backlog is told to come back with 503, before the upgrade', async () => {
    const serve = await startServe(['--handshake-backlog', '8', '--log-level', 'warn'], onSignal(STALL));
    const clients = Array.from({ length: 90 }, () => startClient(serve.wsUrl, { token: 'a', asks: false }));
    // Connections are taken in the order in which they came: when this is answered, they all have been.
    await call('GET', `${serve.apiUrl}/healthz`);
    serve.kill('SIGUSR2');
    await sleep(200);
    for (const client of clients) client.ask();
    for (const client of clients) await client.until(() => client.status !== 0, 'an answer');
    const refused = clients.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(90 - 32 - 8);
    for (const { head } of refused) expect(head).toMatch(/^Retry-After: 1\r?$/m);
    expect(clients.filter(({ isOpen }) => isOpen)).toHaveLength(40);
    expect(await stats(serve)).toMatchObject({ connections: 40, limited: { handshakes: 50 } });
  });
});

describe('the namespace provider', () => {
  const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-uptime-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('that hangs has --max-pending-auth clients waiting; the others are told to come back with 503', async () => {
    const file = join(folder, 'hangs.mjs');
    writeFileSync(file, 'export const getNamespace = () => new Promise(() => {});\n');
    const serve = await startServe(['--auth', 'module', '--auth-module', file, '--max-pending-auth', '3']);
    const clients = Array.from({ length: 8 }, () => startClient(serve.wsUrl, { token: 'a' }));
    await untilStats(serve, ({ limited }) => limited.pendingAuth === 5, 'five that find no place');
    // The first that came wait, however the connections raced.
    await Promise.race(clients.map((client) => client.gone()));
    await stats(serve);
    const refused = clients.filter(({ status }) => status === 503);
    for (const { head } of refused) expect(head).toMatch(/^Retry-After: 1\r?$/m);
    expect(clients.filter(({ status, ended }) => status === 0 && ended === undefined)).toHaveLength(3);
    expect(await stats(serve)).toMatchObject({ connections: 0, refused: { 503: 5 } });
  });
});

test('a logger that throws at everything does not take a server of the library down', async () => {
  const script = `
    import { createDatafnWsServer } from ${JSON.stringify(INDEX)};
    const sync = () => { throw new Error('no log'); };
    const later = async () => sync();
    const server = createDatafnWsServer({
      port: 0,
      logger: { debug: sync, info: later, warn: sync, error: later },
      observer: { connected: sync },
      namespaceProvider: ({ token }) => token ?? sync(),
    });
    console.log((await server.listen()).wsUrl);
    process.stdin.resume().on('end', () => server.close().then(() => process.exit()));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const exit = once(child, 'exit');
  const wsUrl = String((await once(child.stdout, 'data'))[0]).trim();
  const client = await openClient(wsUrl, 'a');
  for (let round = 0; round < 2; round++) {
    expect(await (await openClient(wsUrl)).closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
  }
  await client.roundTrip();
  child.stdin.end();
  expect([await client.closed(), await within(exit, 'the end of the process'), errors]).toEqual([
    GOING_AWAY,
    [0, null],
    '',
  ]);
});

describe('the heartbeat', () => {
  const PONG = 0xa;

  test('forgives its own lag: clients whose pongs came while the server did not run stay', async () => {
    // Longer than the interval and the timeout together, and it begins between a ping and its pong.
    const stall = `process.stderr.write('stalled\\n'); ${STALL.replace('900', '1300')}`;
    const serve = await startServe(
      ['--heartbeat-interval', '600ms', '--heartbeat-timeout', '500ms'],
      onSignal(stall),
    );
    const client = await openClient(serve.wsUrl, 'a', { answersPing: false });
    await client.until(() => client.pings > 0, 'a ping');
    serve.kill('SIGUSR2');
    await serve.logged(/^stalled$/);
    client.socket.on('data', () => client.sendFrame(PONG));
    client.sendFrame(PONG);
    const { closed, process } = await stats(serve);
    expect(process.eventLoopDelayMaxMs).toBeGreaterThan(1100);
    // The next beat is answered, too.
    const { pings } = client;
    await client.until(() => client.pings > pings, 'another ping');
    await client.roundTrip();
    expect([closed, (await stats(serve)).closed]).toEqual([{}, {}]);
  });
});

describe.skipIf(!hasProc)('close handshakes', () => {
  const HALF_OPEN = { answersPing: false, answersClose: false };

  test('of peers that never answer end after --close-timeout, descriptors and all', async () => {
    const serve = await startServe([
      ...['--heartbeat-interval', '300ms', '--heartbeat-timeout', '100ms', '--close-timeout', '200ms'],
    ]);
    const healthy = await openClient(serve.wsUrl, 'a');
    await stats(serve);
    const before = descriptors(serve);
    const dead = [];
    for (let index = 0; index < 20; index++) dead.push(await openClient(serve.wsUrl, 'b', HALF_OPEN));
    // Some do not even read.
    for (const client of dead.slice(10)) client.pause();
    const { cut } = await untilStats(serve, ({ sockets }) => sockets === 1, 'the end of the dead peers');
    expect(cut).toBe(20);
    await within(
      (async () => {
        while (descriptors(serve) > before) await sleep(20);
      })(),
      () => `${descriptors(serve)} descriptors to be ${before}`,
    );
    expect(await stats(serve)).toMatchObject({ connections: 1, namespaces: 1, closed: { 1001: 20 } });
    expect(healthy.isOpen).toBe(true);
  });

  test('on shutdown end with the smaller of --close-timeout and --shutdown-timeout', async () => {
    for (const [close, shutdown] of [
      ['200ms', '60s'],
      ['60s', '200ms'],
    ] as const) {
      const serve = await startServe(['--close-timeout', close, '--shutdown-timeout', shutdown]);
      await openClient(serve.wsUrl, 'a', HALF_OPEN);
      await openClient(serve.wsUrl, 'a');
      serve.kill('SIGTERM');
      expect(await serve.ended()).toEqual({ code: 0, signal: null });
      expect(serve.stderr).toContain('stopped: 1 socket ended, 1 terminated');
    }
  });
});
