import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { createDatafnWsServer, type DatafnWsServer } from '../../../src/index.js';
import { ServerSocket } from '../../../src/server/ws/server-socket.js';

const TIMEOUT_MS = 100;
/** Longer than the timeout: when it is over, every deadline has passed. */
const STALL_MS = 2 * TIMEOUT_MS;
const CLIENTS = 20;

// In a process of its own, so that it answers pings while the server's process is stalled. It prints a line when all
// clients are open, and writes a file when all have been pinged, and so have answered, if they do: a process that is
// stalled can still see a file.
const CLIENT = `
  import WebSocket from 'ws';
  import { writeFileSync } from 'node:fs';
  let open = 0;
  let pinged = 0;
  for (let index = 0; index < ${CLIENTS}; index++) {
    const client = new WebSocket(process.argv[1], { autoPong: process.argv[2] === 'answering' });
    client.on('open', () => ++open === ${CLIENTS} && console.log('open'));
    client.on('ping', () => ++pinged === ${CLIENTS} && writeFileSync(process.argv[3], ''));
  }
  process.stdin.resume().on('end', () => process.exit());
`;

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-'));
afterAll(() => rmSync(folder, { recursive: true }));

let server: DatafnWsServer | undefined;
let clients: ChildProcess | undefined;

async function dispose(): Promise<void> {
  vi.restoreAllMocks();
  clients?.stdin?.end();
  if (clients !== undefined && clients.exitCode === null) await once(clients, 'exit');
  await server?.close();
}

afterEach(dispose);

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A server that is stalled from the moment its clients have been pinged, for longer than they have to answer. */
async function stall(kind: 'answering' | 'silent'): Promise<DatafnWsServer> {
  server = createDatafnWsServer({ port: 0, heartbeatIntervalMs: 1000, heartbeatTimeoutMs: TIMEOUT_MS });
  const { wsUrl } = await server.listen();
  const allPinged = join(folder, kind);
  const args = ['--input-type=module', '-e', CLIENT, `${wsUrl}?token=user:alice`, kind, allPinged];
  clients = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let pinged = 0;
  const ping = ServerSocket.prototype.ping;
  const stalled = new Promise<void>((resolve) => {
    vi.spyOn(ServerSocket.prototype, 'ping').mockImplementation(function (this: ServerSocket) {
      ping.call(this);
      pinged += 1;
      // Before the event loop reads again: the pongs come while nobody reads.
      if (pinged === CLIENTS) {
        setImmediate(() => {
          do block(STALL_MS);
          while (!existsSync(allPinged));
          resolve();
        });
      }
    });
  });
  await once(clients.stdout as NodeJS.ReadableStream, 'data');
  // On a busy machine, the first heartbeat may come before the last client; then some of them are closed already.
  if (pinged > 0) {
    await dispose();
    return stall(kind);
  }
  await stalled;
  // One turn for the deadline that has passed meanwhile, and one for what it puts off.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return server;
}

describe('a server that was stalled over a heartbeat', () => {
  it('keeps the clients whose pongs wait in its receive buffers', async () => {
    const stalled = await stall('answering');
    expect(stalled.websocketHandler.connectionCount).toBe(CLIENTS);
    expect(stalled.stats().closed).toEqual({});
  });

  it('still closes those that have not answered', async () => {
    const stalled = await stall('silent');
    expect(stalled.websocketHandler.connectionCount).toBe(0);
    expect(stalled.stats().closed).toEqual({ 1001: CLIENTS });
  });
});
