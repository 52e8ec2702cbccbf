import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { EVENT_WITHIN_MS } from './deadline.js';

/** Whether the machine has a command (`nginx-light` and `haproxy` in Debian). */
export function hasCommand(name: string): boolean {
  return spawnSync(name, ['-v'], { stdio: 'ignore' }).status === 0;
}

/** The configuration that `docs/proxies.md` has for a proxy, with some of its values replaced. */
export function documented(language: 'nginx' | 'haproxy', changes: Readonly<Record<string, string>>): string {
  const docs = readFileSync(new URL('../../docs/proxies.md', import.meta.url), 'utf8');
  const [, config] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(docs) ?? [];
  if (config === undefined) throw new Error(`docs/proxies.md has no configuration for ${language}`);
  return Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The configuration for ${language} has no "${from}"`);
    return text.replaceAll(from, to);
  }, config);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const running = new Set<ChildProcess>();

/** Starts nginx with a configuration for its `http` block, its files in `folder`, and waits until `port` answers. */
export async function startNginx(folder: string, http: string, port: number): Promise<void> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join('\n');
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr;\nevents {}\nhttp {\n${temporary}\n${http}\n}\n`,
  );
  await start(['nginx', '-p', folder, '-c', file, '-e', 'stderr'], port);
}

/** Starts HAProxy, its files in `folder`, and waits until `port` answers. */
export async function startHaproxy(folder: string, config: string, port: number): Promise<void> {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config);
  await start(['haproxy', '-db', '-f', file], port);
}

async function start(command: readonly string[], port: number): Promise<void> {
  // It ends with this process, also when that is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const untilMs = performance.now() + EVENT_WITHIN_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended with ${child.exitCode}: ${words}`);
    if (performance.now() > untilMs) throw new Error(`${command[0]} does not answer: ${words}`);
    // Nothing tells when a program of somebody else's listens.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Ends every proxy that these helpers started. For `afterEach`. */
export async function disposeProxies(): Promise<void> {
  const left = [...running].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  running.clear();
  await Promise.all(
    left.map((child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      return ended;
    }),
  );
}
