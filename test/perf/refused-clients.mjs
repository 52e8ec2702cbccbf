// What refused clients cost: DataFn clients with a token that is not known come back by their own rule, which begins anew
// after each connection that opened. With `--refuse-with close` each refusal was one.
//
//   npm run perf:refused        500 clients, two minutes each way; CLIENTS and SECONDS change that
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

const CLIENTS = Number(process.env.CLIENTS ?? 500);
const SECONDS = Number(process.env.SECONDS ?? 120);
const BIN = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));

/** A client that comes back as DataFn's does: after 1 s, doubled by each try that did not open, at most 60 s. */
function startClient(url) {
  let tries = 0;
  let timer;
  let socket;
  const connect = () => {
    socket = new WebSocket(url);
    socket.on('open', () => {
      tries = 0;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const delayMs = Math.min(1000 * 2 ** tries + Math.random() * 500, 60_000);
      tries += 1;
      timer = setTimeout(connect, delayMs);
    });
  };
  connect();
  return () => {
    clearTimeout(timer);
    socket.removeAllListeners('close').terminate();
  };
}

async function measure(way, tokens) {
  const flags = ['--auth', 'tokens', '--tokens', tokens, '--refuse-with', way, '--log-level', 'silent'];
  const server = fork(BIN, ['serve', '--json', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  const { wsUrl, apiUrl } = JSON.parse(line);
  const stats = async () => (await fetch(`${apiUrl}/v1/stats`)).json();
  const clients = Array.from({ length: CLIENTS }, () => startClient(`${wsUrl}?token=no-such-token-at-all`));
  const rows = [];
  let before = await stats();
  for (let half = 0; half < 2; half++) {
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / 2));
    const now = await stats();
    const seconds = (now.uptimeMs - before.uptimeMs) / 1000;
    rows.push({
      way,
      seconds: `${Math.round((half * SECONDS) / 2)} to ${Math.round(((half + 1) * SECONDS) / 2)}`,
      'handshakes/s': ((now.rejected - before.rejected) / seconds).toFixed(1),
      'CPU, % of a core': ((now.process.cpuMs - before.process.cpuMs) / seconds / 10).toFixed(1),
    });
    before = now;
  }
  for (const stop of clients) stop();
  server.kill('SIGTERM');
  await once(server, 'exit');
  return rows;
}

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-refused-'));
try {
  const tokens = join(folder, 'tokens.yaml');
  writeFileSync(tokens, 'a-long-random-token: user:alice\n');
  console.table([...(await measure('close', tokens)), ...(await measure('http', tokens))]);
} finally {
  rmSync(folder, { recursive: true });
}
