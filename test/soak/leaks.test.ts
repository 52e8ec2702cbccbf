import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { formatCount, formatDuration, formatSize } from '../../src/text/units.js';
import { Random } from '../fuzz/random.js';
import { RawClient, type RawClientOptions } from '../support/raw-client.js';
import { ProbedServe } from './probed-serve.js';

/** Run by `npm run test:soak`; fewer with this. */
const CYCLES = Number(process.env.LEAK_CYCLES ?? 100_000);
const SEED = Number(process.env.LEAK_SEED ?? 1);
const LANES = 64;
/** Clients that have vanished, and still have a descriptor here. */
const VANISHED_AT_MOST = 800;
/** Longer than the server takes to notice. */
const VANISHED_MS = 6000;
/** Clients of the namespace that is full. */
const FULL = 20;
/** Enough of them that no other gets there. */
const NAMESPACES = 1000;

const say = (line: string) => process.stderr.write(`${line}\n`);
let serve: ProbedServe | undefined;
afterAll(() => serve?.dispose());

/** How a connection comes and goes, how often, and what the server has to count. */
const KINDS = {
  clean: { share: 30, accepted: true },
  reset: { share: 25, accepted: true },
  dropped: { share: 10, accepted: true },
  vanished: { share: 4, accepted: true },
  full: { share: 8, refused: 4503 },
  unauthenticated: { share: 10, refused: 4401 },
  'wrong Host': { share: 4, refused: 403 },
  'wrong path': { share: 4, refused: 404 },
  'half a request': { share: 5 },
} as const;
type Kind = keyof typeof KINDS;
const BAG = Object.entries(KINDS).flatMap(([kind, { share }]) => Array<Kind>(share).fill(kind as Kind));

class Churn {
  readonly counts = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 0])) as Record<Kind, number>;
  readonly #vanished = new Set<Promise<void>>();
  readonly #random = new Random(SEED);

  constructor(private readonly wsUrl: string) {}

  /** So many connections, some at a time; resolves when all are over. */
  async run(cycles: number): Promise<void> {
    let begun = 0;
    const lane = async () => {
      while (begun < cycles) {
        begun += 1;
        const kind = this.#random.pick(BAG);
        this.counts[kind] += 1;
        await this.#one(kind, begun);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await Promise.all(this.#vanished);
  }

  async #one(kind: Kind, number: number): Promise<void> {
    // Several source addresses: one has too few ports for all that linger in TIME_WAIT.
    const localAddress = `127.0.0.${1 + (number % 8)}`;
    const open = (options: RawClientOptions = {}) =>
      RawClient.open(this.wsUrl, { token: `user:${number % NAMESPACES}`, localAddress, ...options });
    switch (kind) {
      case 'clean': {
        const client = await open();
        client.say(`{"type":"hello","clientId":"c-${number}","cursors":{"todos":"0"}}`);
        client.close(1000);
        await client.gone();
        return;
      }
      case 'reset':
        (await open()).reset();
        return;
      case 'dropped':
        await (await open()).destroy();
        return;
      case 'vanished': {
        const client = await open({ answersPing: false, answersClose: false });
        client.pause();
        const over = sleep(VANISHED_MS).then(() => {
          client.socket.destroy();
          this.#vanished.delete(over);
        });
        this.#vanished.add(over);
        if (this.#vanished.size > VANISHED_AT_MOST) await Promise.race(this.#vanished);
        return;
      }
      case 'full':
      case 'unauthenticated': {
        const client = await open({ token: kind === 'full' ? 'full' : undefined });
        expect((await client.closed()).code).toBe(KINDS[kind].refused);
        await client.gone();
        return;
      }
      case 'wrong Host':
      case 'wrong path': {
        const url = kind === 'wrong path' ? this.wsUrl.replace('/datafn/ws', '/elsewhere') : this.wsUrl;
        const headers = kind === 'wrong Host' ? { Host: 'evil.example' } : {};
        const client = await RawClient.connect(url, { headers, localAddress });
        expect(client.status).toBe(KINDS[kind].refused);
        await client.gone();
        return;
      }
      case 'half a request': {
        const socket = connect({ port: Number(new URL(this.wsUrl).port), host: '127.0.0.1', localAddress });
        socket.on('error', () => {});
        await once(socket, 'connect');
        socket.write('GET /datafn/ws HTTP/1.1\r\nHost: ');
        if (number % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
        return;
      }
    }
  }

  /** What the server must have counted by now. */
  expected() {
    const { clean, reset, dropped, vanished, full, unauthenticated } = this.counts;
    return {
      accepted: clean + reset + dropped + vanished,
      refused: {
        4503: full,
        4401: unauthenticated,
        403: this.counts['wrong Host'],
        404: this.counts['wrong path'],
      },
    };
  }
}

test(`${formatCount(CYCLES)} connections of every kind come and go: every count is right, memory and descriptors are back`, async () => {
  const server = await ProbedServe.start([
    ...['--max-connections-per-namespace', String(FULL), '--max-connections', '2000'],
    ...['--heartbeat-interval', '2s', '--heartbeat-timeout', '2s', '--close-timeout', '500ms'],
  ]);
  serve = server;
  const holders = await Promise.all(
    Array.from({ length: FULL }, () => RawClient.open(server.wsUrl, { token: 'full' })),
  );
  const churn = new Churn(server.wsUrl);
  await churn.run(Math.ceil(CYCLES / 10));
  const before = await server.holdings();
  const startedMs = performance.now();
  await churn.run(CYCLES - Math.ceil(CYCLES / 10));
  const ms = performance.now() - startedMs;
  for (const holder of holders) holder.close(1000);
  const stats = await server.settled();
  const after = await server.holdings();
  say(
    `${formatCount(CYCLES)} connections, seed ${SEED}, ${formatCount((CYCLES * 900) / ms)}/s: ${Object.entries(
      churn.counts,
    )
      .map(([kind, count]) => `${formatCount(count)} ${kind}`)
      .join(', ')}; ${formatDuration(ms)}`,
  );
  say(
    `in use ${formatSize(before.memory.live)} after a tenth, ${formatSize(after.memory.live)} at the end; resident ${formatSize(before.memory.rss)}, ${formatSize(after.memory.rss)}; ${before.descriptors - FULL} and ${after.descriptors} descriptors`,
  );
  const { accepted, refused } = churn.expected();
  expect(stats).toMatchObject({ accepted: accepted + FULL, refused, connections: 0, sockets: 0 });
  expect(after.memory.live).toBeLessThanOrEqual(before.memory.live * 1.1);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors - FULL);
  expect(server.log).toBe('');
  expect(await server.stop()).toBe('exit code 0, signal null');
}, 1_800_000);
