import { afterEach, expect } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { call } from '../support/http-call.js';
import { freePort } from '../support/proxies.js';
import { disposeRedis, startRedis, withRedis } from '../support/redis-server.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import { WORKERS } from '../support/serve-workers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const PASSWORD = 'hunter2-of-the-engine';
const pair = selfSignedCertificate('localhost');
const files = temporaryFolder('cluster-tls');
const [cert, key] = [files.file('cert.pem', pair.cert), files.file('key.pem', pair.key)];
const other = files.file('other.pem', selfSignedCertificate('localhost').cert);

afterEach(async () => {
  await disposeProcesses();
  await disposeRedis();
});

/** Starts a Redis that speaks TLS, and wants a password; returns its URL. */
async function tlsRedis(): Promise<string> {
  const tlsPort = await freePort();
  const tls = ['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key];
  const redis = await startRedis(...tls, '--tls-auth-clients', 'no');
  await redis.command('CONFIG', 'SET', 'requirepass', PASSWORD);
  return `rediss://:${PASSWORD}@localhost:${tlsPort}`;
}

const start = (url: string, flags: string[], env = {}) =>
  startServe(flags, { env: { DATAFN_WS_CLUSTER: url, ...env } });

withRedis('a cluster over TLS trusts its Redis by --ca, or by NODE_EXTRA_CA_CERTS', async () => {
  const url = await tlsRedis();
  const a = await start(url, ['--ca', cert]);
  const b = await start(url, [], { NODE_EXTRA_CA_CERTS: cert });
  // With workers, only their primary reads the file and connects.
  const c = await start(url, [...WORKERS, '--ca', cert]);
  for (const { apiUrl } of [a, b, c])
    await eventually(async () => (await call('GET', `${apiUrl}/v1/cluster`)).json.nodes.length === 3, 'all');
  for (const { stdout, stderr } of [a, b, c]) expect(stdout + stderr).not.toContain(PASSWORD);
});

withRedis('without its certificate, the log says what to do, and no secret', async () => {
  const url = await tlsRedis();
  const distrusting = await start(url, ['--ca', other]);
  await distrusting.logged(
    /The engine of the cluster is away.*self-signed certificate.*--ca FILE.*NODE_EXTRA_CA_CERTS=FILE/,
  );
  expect(distrusting.stdout + distrusting.stderr).not.toContain(PASSWORD);
  const { stdout, code } = await runCli(['serve', '--check', '--ca', cert], {
    env: { DATAFN_WS_CLUSTER: url },
  });
  expect([code, stdout.includes(PASSWORD), stdout.includes(cert)]).toEqual([0, false, true]);
});

withRedis('--ca without TLS to the engine is refused, with what it wants', async () => {
  const { code, stderr } = await runCli(['serve', '--ca', cert], {
    env: { DATAFN_WS_CLUSTER: 'redis://127.0.0.1:1' },
  });
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('--ca needs --auth jwt; the default is --auth dev'),
  ]);
});
