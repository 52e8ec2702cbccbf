import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { ApiClient } from '../../src/emit/api-client.js';
import { formatSize } from '../../src/text/units.js';
import { AttackedServer } from '../fuzz/attacked-server.js';
import { Waiters, within } from '../support/deadline.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** The long form: STRANGERS=5000 STRANGERS_SECONDS=60 npx vitest run --project full test/soak/strangers.full.test.ts */
const STRANGERS = Number(process.env.STRANGERS ?? 500);
const SECONDS = Number(process.env.STRANGERS_SECONDS ?? 5);
const ATTACKER = fileURLToPath(new URL('strangers.mjs', import.meta.url));
const ADMIN_TOKEN = '0123456789abcdef';
const TOKEN = 'a-token-of-a-healthy-client';
const PAUSE_MS = 40;
/** What a server may take of memory, as the system sees it. */
const MEMORY_BYTES = 256 * 1024 * 1024;

/** In the long form, each attack is made by all of them as well: what one keeps must not hide behind the others. */
const IS_LONG = process.env.STRANGERS !== undefined;

const HTTP_ATTACKS = [
  'silence',
  'half a head',
  'slow bodies',
  'bodies that wait for 100',
  'unread answers',
  'unread probes',
  'pipelines that are read',
  'probes that are read',
  'calls one by one',
  'upgrades behind unread answers',
  'bytes before the handshake',
  'upgrades that are refused',
  'clients without a namespace',
];
const TLS_ATTACKS = ['silence', 'half a TLS hello', 'TLS handshakes', 'unread answers over TLS'];

const { file } = temporaryFolder('strangers');
let server: AttackedServer | undefined;
let attacker: ChildProcess | undefined;

afterEach(() => {
  attacker?.kill('SIGKILL');
  server?.dispose();
});

/** Runs strangers until their time is over; what they say of themselves. */
async function attack(port: number, attacks: readonly string[]): Promise<string> {
  const args = [ATTACKER, `${port}`, `${STRANGERS}`, `${SECONDS}`, ...attacks];
  attacker = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  attacker.stdout?.on('data', (text) => {
    said += text;
  });
  await new Promise((resolve) => attacker?.once('close', resolve));
  return said.trim();
}

/** The most memory that a process has had. */
function peakMemory(pid: number | undefined): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** A client that does nothing wrong: the cursors that it got, and how long its pings took. */
class HealthyClient {
  readonly texts: string[] = [];
  readonly roundTripsMs: number[] = [];
  readonly #waiters = new Waiters();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.texts.push(String(data));
      this.#waiters.changed();
    });
    socket.on('pong', (data) => this.roundTripsMs.push(performance.now() - Number(data)));
  }

  static async connect(wsUrl: string): Promise<HealthyClient> {
    const socket = new WebSocket(`${wsUrl}?token=${TOKEN}`, { rejectUnauthorized: false });
    const client = new HealthyClient(socket);
    await within(once(socket, 'open'), 'a healthy client');
    return client;
  }

  ping(): void {
    this.socket.ping(String(performance.now()));
  }

  received(count: number): Promise<void> {
    return this.#waiters.until(
      () => this.texts.length >= count,
      `${count} cursors, got ${this.texts.length}`,
    );
  }

  leave(): void {
    this.socket.terminate();
  }
}

/** Emits cursors 1, 2, … and pings until `isOver`; how many cursors. */
async function useServer(api: ApiClient, client: HealthyClient, isOver: () => boolean): Promise<number> {
  let emitted = 0;
  while (!isOver()) {
    emitted += 1;
    await api.emit([{ namespace: 'a', cursor: `${emitted}` }]);
    client.ping();
    await sleep(PAUSE_MS);
  }
  return emitted;
}

const alone = (protocol: string, attacks: readonly string[]) =>
  IS_LONG ? attacks.map((attack) => [protocol, attack, [attack]] as const) : [];

test.each([
  ['HTTP', 'all of it', HTTP_ATTACKS] as const,
  ['TLS', 'all of it', TLS_ATTACKS] as const,
  ...alone('HTTP', HTTP_ATTACKS),
  ...alone('TLS', TLS_ATTACKS),
])(
  `${STRANGERS} strangers who attack by %s with %s cost the admitted no cursor, and the server stays under 256 MiB`,
  async (protocol, what, attacks) => {
    const { cert, key } = selfSignedCertificate('localhost');
    const tls = ['--tls-cert', file('cert.pem', cert), '--tls-key', file('key.pem', key)];
    const auth = ['--auth', 'tokens', '--tokens', file('tokens.json', JSON.stringify({ [TOKEN]: 'a' }))];
    const flags = [
      '--log-level',
      'error',
      '--admin-token',
      ADMIN_TOKEN,
      ...auth,
      ...(protocol === 'TLS' ? tls : []),
    ];
    server = await AttackedServer.start(flags);
    const { wsUrl, apiUrl, port, child } = server;
    const api = new ApiClient({
      url: apiUrl,
      adminToken: ADMIN_TOKEN,
      tls: { ca: undefined, rejectUnauthorized: false },
    });
    const client = await HealthyClient.connect(wsUrl);
    let isOver = false;
    const using = useServer(api, client, () => isOver);
    const said = await attack(port, attacks);
    isOver = true;
    const emitted = await using;
    await client.received(emitted);

    const sorted = client.roundTripsMs.toSorted((a, b) => a - b);
    const p99Ms = sorted[Math.floor(sorted.length * 0.99)] as number;
    const peak = peakMemory(child.pid);
    process.stderr.write(
      `${protocol}, ${what}: ${said}; ${emitted} cursors, round trip p99 ${p99Ms.toFixed(1)} ms, memory at most ${formatSize(peak)}\n`,
    );
    expect(client.texts).toEqual(
      Array.from({ length: emitted }, (_, index) => `{"type":"cursor","cursor":"${index + 1}"}`),
    );
    expect(peak).toBeLessThan(MEMORY_BYTES);
    expect(server.ended).toBe(undefined);
    client.leave();
    api.close();
    expect(await server.stop()).toBe('exit code 0, signal null');
  },
  (SECONDS + 120) * 1000,
);
