import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import { call } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import type { ProcessEntry } from '../support/process-tree.js';
import type { RawClient } from '../support/raw-client.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import { clientsAtBoth, clientsOf, WORKERS, workersOf } from '../support/serve-workers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const GOING_AWAY = { code: 1001, reason: 'Going Away' };
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === '::1'));
const files = temporaryFolder('workers');

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

describe('serve --workers', () => {
  test('--max-connections is the limit of all workers together, and is named in the close', async () => {
    const serve = await startServe([...WORKERS, '--max-connections', '7']);
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) => connectClient(serve.wsUrl, { token: `user:${i}` })),
    );
    await eventually(async () => {
      const { json } = await call('GET', `${serve.apiUrl}/v1/stats`);
      return json.accepted + json.rejected === 20;
    }, 'all clients are admitted or refused');
    expect((await clientsOf(serve)).total).toBe(7);
    const closed = clients.filter((client) => !client.isOpen);
    expect(closed).toHaveLength(13);
    for (const client of closed)
      expect(await client.closed()).toEqual({ code: 4503, reason: 'Connection limit reached' });
    await serve.logged(/refused with 4503 Connection limit reached$/m);
    expect(serve.stderr).not.toContain('null');
  });

  test('SIGHUP reads the tokens again for all workers, those included that are started later', async () => {
    const [alice, bob] = ['token-of-alice-0123', 'token-of-bob-012345'];
    const file = files.file('tokens.yaml', `${alice}: user:alice\n`);
    const serve = await startServe([...WORKERS, '--auth', 'tokens', '--tokens', file]);
    files.file('tokens.yaml', `${bob}: user:bob\n`);
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP: reloaded the tokens file/);
    // What is in the file by now must not matter to a worker that is started anew.
    files.file('tokens.yaml', 'broken');
    const [victim] = (await workersOf(serve)) as [ProcessEntry];
    process.kill(victim.pid, 'SIGKILL');
    await serve.logged(/worker \d \(process \d+\) serves/);
    for (let i = 0; i < 6; i++) {
      expect(await (await openClient(serve.wsUrl, alice)).closed()).toMatchObject({ code: 4401 });
      await (await openClient(serve.wsUrl, bob)).roundTrip();
    }
    expect(serve.stderr).not.toContain('token-of');
  });

  test('at localhost, both loopback addresses are served over TLS, and SIGHUP changes the certificate of all workers', async () => {
    const use = (name: string) => {
      const { cert, key } = selfSignedCertificate(name);
      return [files.file('cert.pem', cert), files.file('key.pem', key)] as const;
    };
    const [cert, key] = use('localhost');
    const tls = ['--host', 'localhost', '--tls-cert', cert, '--tls-key', key];
    const serve = await startServe([...WORKERS, ...tls]);
    expect(serve.wsUrl).toMatch(/^wss:\/\/localhost:\d+\/datafn\/ws$/);
    const port = Number(new URL(serve.apiUrl).port);
    const subject = (host: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ port, host, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.once('error', reject);
      });
    expect(await subject('127.0.0.1')).toBe('localhost');
    if (hasIpv6) expect(await subject('::1')).toBe('localhost');
    use('other.example');
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP: reloaded the TLS certificate/);
    for (let i = 0; i < 8; i++) expect(await subject('127.0.0.1')).toBe('other.example');
  });

  test('an uncaught error in an auth module ends its worker alone, with 1001 to its clients, and another one starts', async () => {
    const auth = files.file(
      'auth.mjs',
      `export function getNamespace({ token }) {
        if (token === 'crash') setImmediate(() => { throw new Error('from the module'); });
        return token;
      }`,
    );
    const serve = await startServe([...WORKERS, '--auth', 'module', '--auth-module', auth]);
    const clients = await clientsAtBoth(serve, 'user:alice');
    // It is refused, or closed: its worker shuts down while it is being admitted.
    await connectClient(serve.wsUrl, { token: 'crash' });
    await serve.logged(/uncaught error in worker \d .*, closing its clients with 1001/);
    // From then on, the other one takes all.
    for (let i = 0; i < 5; i++) await openClient(serve.wsUrl, 'user:bob');
    await serve.logged(/worker \d \(process \d+\) ended with exit code 1:/);
    await serve.logged(/worker \d \(process \d+\) serves/);
    const [left, closed] = [true, false].map((isOpen) =>
      clients.filter((client) => client.isOpen === isOpen),
    ) as [RawClient[], RawClient[]];
    expect([left.length > 0, closed.length > 0]).toEqual([true, true]);
    for (const client of closed) expect(await client.closed()).toEqual(GOING_AWAY);
    for (const client of left) await client.roundTrip();
    expect(serve.stderr).toContain('Error: from the module');
    serve.kill('SIGTERM');
    expect((await serve.ended()).code).toBe(0);
  });

  test('a port that is taken, and a number of workers that is none, are refused as always', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, stderr } = await runCli(['serve', '--workers', '2', '--port', String(port)]);
    server.close();
    expect([code, stderr]).toEqual([
      3,
      `error: Port ${port} on 127.0.0.1 is already in use: stop the other program, or choose another port with --port (0 picks a free one)\n`,
    ]);
    for (const given of ['0', '65', 'many']) {
      expect(await runCli(['serve', '--workers', given])).toEqual({
        code: 2,
        stdout: '',
        stderr: `error: Expected --workers to be a whole number from 1 to 64, or auto, got "${given}"\n`,
      });
    }
  });

  test('ids of clients are not used again after a worker was killed, also where connections are not logged', async () => {
    const serve = await startServe([...WORKERS, '--log-level', 'warn']);
    await clientsAtBoth(serve, 'user:alice');
    const before = (await clientsOf(serve)).clients.map(({ id }) => id);
    // It asks each worker for its counts.
    await call('GET', `${serve.apiUrl}/v1/stats`);
    const [victim] = (await workersOf(serve)) as [ProcessEntry, ProcessEntry];
    process.kill(victim.pid, 'SIGKILL');
    await serve.logged(/ended with SIGKILL/);
    await eventually(
      async () => (await workersOf(serve)).every(({ pid }) => pid !== victim.pid),
      'another one',
    );
    await clientsAtBoth(serve, 'user:bob');
    const after = (await clientsOf(serve)).clients.filter(({ namespace }) => namespace === 'user:bob');
    expect(after.filter(({ id }) => before.includes(id))).toEqual([]);
  });

  test('with auto it prints a banner, and an emit command that works', async () => {
    const serve = startCli(['serve', '--workers', 'auto', '--port', '0']);
    await serve.until(() => serve.stdout.includes('Press Ctrl-C to stop'), 'the banner');
    const url = /HTTP API\s+(\S+)/.exec(serve.stdout)?.[1] as string;
    const emitted = await runCli(['emit', '1', '-n', 'user:alice', '--url', url]);
    expect(emitted).toEqual({
      code: 0,
      stdout:
        'cursor 1 to user:alice: 0 clients (no clients are connected in that namespace, or a fault is on)\n',
      stderr: '',
    });
    await serve.until(
      () => serve.stderr.includes('cursor 1 to user:alice: 0 clients'),
      'the line of the log',
    );
  });
});
