import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'vitest';
import { EVENT_WITHIN_MS } from './deadline.js';
import { freePort } from './proxies.js';

const EXECUTABLE = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/usr/bin/valkey-server'].find(
  existsSync,
);

// What is missing on somebody's machine is skipped, and said; in CI it is a mistake in the set-up.
if (EXECUTABLE === undefined && process.env.CI === 'true')
  throw new Error('CI has no redis-server: .ci/run installs it');

/** A test with a Redis of its own; skipped, with a line that says so, where there is no `redis-server`. */
export const withRedis = EXECUTABLE === undefined ? it.skip : it;
export const hasRedis = EXECUTABLE !== undefined;

const running = new Set<RedisServer>();

/** A Redis of a test's own, with its files in a temporary folder. */
export class RedisServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'datafn-ws-redis-'));
  #child: ChildProcess | undefined;

  constructor(
    readonly port: number,
    private readonly flags: readonly string[],
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, with the data that it saved last, and waits until it answers. */
  async start(): Promise<void> {
    const [program = ''] = [EXECUTABLE];
    accessSync(program, constants.X_OK);
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    // It ends with this process, also when that is killed.
    const command = ['--pdeathsig', 'KILL', program, ...own, '--enable-debug-command', 'yes', ...this.flags];
    this.#child = spawn('setpriv', command, { stdio: 'ignore' });
    const endMs = performance.now() + EVENT_WITHIN_MS;
    while (!(await this.#answers())) {
      if (performance.now() > endMs) throw new Error('redis-server does not answer');
      await sleep(10);
    }
  }

  /** As `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  stop(): void {
    this.#child?.kill('SIGSTOP');
  }

  continue(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Sends one command on a connection of its own; the raw answer. */
  async command(...args: readonly string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.write(
      `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`,
    );
    try {
      const [answer] = await once(socket, 'data');
      return String(answer);
    } finally {
      socket.destroy();
    }
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    return this.command('PING').then(
      (answer) => answer.startsWith('+PONG'),
      () => false,
    );
  }
}

/** Starts a Redis on a free port. */
export async function startRedis(...flags: readonly string[]): Promise<RedisServer> {
  const redis = await prepareRedis(...flags);
  await redis.start();
  return redis;
}

/** A Redis with a port of its own that is not started yet. */
export async function prepareRedis(...flags: readonly string[]): Promise<RedisServer> {
  const redis = new RedisServer(await freePort(), flags);
  running.add(redis);
  return redis;
}

/** Ends every Redis that these helpers started. For `afterEach` or `afterAll`. */
export async function disposeRedis(): Promise<void> {
  const all = [...running];
  running.clear();
  await Promise.all(all.map((redis) => redis.dispose()));
}
