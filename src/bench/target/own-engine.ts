import { accessSync, constants } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatafnWsError } from '../../protocol/errors.js';
import { StartedProcess } from './started-process.js';

const PROGRAMS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;
const STOP_MS = 2000;
const POLL_MS = 20;
/** The port is free when it is chosen, and may be taken a moment later. */
const TRIES = 5;

/**
 * The Redis or Valkey that bench would start.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when there is none on the PATH.
 */
export function findEngine({ PATH = '' }: Readonly<Record<string, string | undefined>>): string {
  for (const program of PROGRAMS) {
    for (const folder of PATH.split(delimiter).filter((one) => one !== '')) {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return join(folder, program);
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new DatafnWsError(
    'ERR_INVALID_OPTION',
    `--redis needs ${PROGRAMS.join(' or ')} on the PATH: install it (apt-get install redis-server), or drop --redis.`,
  );
}

/** A Redis of bench's own, on loopback and a free port. It keeps nothing on disk: killed, it comes back empty. */
export class OwnEngine {
  #process: StartedProcess | undefined;
  #isDown = false;

  private constructor(
    private readonly program: string,
    private readonly port: number,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  /** @throws {DatafnWsError} `ERR_UNREACHABLE` when it does not come up. */
  static async start(env: Readonly<Record<string, string | undefined>>): Promise<OwnEngine> {
    const program = findEngine(env);
    for (let tries = 1; ; tries++) {
      const engine = new OwnEngine(program, await freePort(), env);
      try {
        await engine.start();
        return engine;
      } catch (error) {
        await engine.close();
        if (tries === TRIES) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** How it ended, if no phase asked for that. */
  get mishap(): string | undefined {
    return this.#isDown ? undefined : this.#process?.ended;
  }

  /** Starts it where it was, and waits until it answers. */
  async start(): Promise<void> {
    const flags = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', tmpdir()];
    const memory = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    const started = new StartedProcess({
      words: [this.program, ...flags, ...memory],
      isKept: true,
      env: this.env,
    });
    this.#process = started;
    // Its log, which must not fill the pipe.
    const log: string[] = [];
    started.onLine((line) => log.push(line));
    const endMs = performance.now() + START_MS;
    while (!(await answers(this.port))) {
      if (started.ended === undefined && performance.now() < endMs) await sleep(POLL_MS);
      else {
        const why =
          started.ended === undefined ? 'it does not answer' : `it exited at once (${started.ended})`;
        const words = [`The engine for this run could not be started: ${why}`, ...log.slice(-5)];
        throw new DatafnWsError('ERR_UNREACHABLE', [...words, ...started.lastLines].join('\n'));
      }
    }
    this.#isDown = false;
  }

  async kill(): Promise<void> {
    this.#isDown = true;
    this.#process?.signal('SIGKILL');
    await this.#process?.exited;
  }

  /** Makes it stand still; returns what makes it go on. */
  stop(): () => void {
    const stopped = this.#process;
    stopped?.signal('SIGSTOP');
    return () => stopped?.signal('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.close();
    await this.start();
  }

  async close(): Promise<void> {
    this.#isDown = true;
    await this.#process?.stop(STOP_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Whether a Redis at a port answers; one that loads its data does not yet. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.setTimeout(1000, () => done(false));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
    socket.on('data', (answer) => done(answer.toString().startsWith('+PONG')));
    socket.write('PING\r\n');
  });
}
