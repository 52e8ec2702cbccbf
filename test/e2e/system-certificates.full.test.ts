import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, afterEach, expect, test } from 'vitest';
import { CAN_TRUST_SYSTEM } from '../../src/emit/system-certificates.js';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { selfSignedCertificate } from '../support/self-signed.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// OpenSSL takes the certificates of the system from SSL_CERT_FILE, where that is set.

const pair = selfSignedCertificate('localhost');
const files = temporaryFolder('system-certificates');
const [cert, key] = [files.file('cert.pem', pair.cert), files.file('key.pem', pair.key)];
const INSTALLED = { SSL_CERT_FILE: cert };

const TINY = files.file(
  'tiny.yaml',
  'version: 1\nname: tiny\ncohorts:\n  a: { clients: 4 }\nphases:\n  - connect: { cohort: a, atOnce: true }\nexpect:\n  - a.accepted == 4\n',
);

afterEach(async () => {
  await disposeLive();
  await disposeProcesses();
});

const serveTls = async () =>
  (await startServe(['--tls-cert', cert, '--tls-key', key, '--host', 'localhost'])).listening;
const emit = (url: string, env: Record<string, string>) =>
  runCli(['emit', '1', '-n', 'a', '--url', url], { env });

test.skipIf(!CAN_TRUST_SYSTEM)(
  'emit and bench trust a certificate that the system trusts, and no other',
  async () => {
    const { apiUrl, wsUrl } = await serveTls();
    expect((await emit(apiUrl, {})).code).toBe(3);
    expect(await emit(apiUrl, INSTALLED)).toMatchObject({ code: 0 });
    const bench = ['bench', TINY, '--url', wsUrl];
    expect((await runCli(bench, { env: {} })).code).toBe(3);
    const { code, stderr } = await runCli(bench, { env: INSTALLED, withinMs: 110_000 });
    expect(code, stderr).toBe(0);
  },
);

test.skipIf(CAN_TRUST_SYSTEM)(
  'where Node.js cannot use the certificates of the system, the error names what can',
  async () => {
    const { apiUrl } = await serveTls();
    const { code, stderr } = await emit(apiUrl, INSTALLED);
    expect(code).toBe(3);
    expect(stderr).toMatch(/--ca FILE.*Node\.js v20\.\d+\.\d+ cannot read.*NODE_EXTRA_CA_CERTS=FILE/);
    expect((await emit(apiUrl, { NODE_EXTRA_CA_CERTS: cert })).code).toBe(0);
  },
);

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const issuer = createServer(pair, (_, response) => {
  response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256' }] }));
});
afterAll(() => issuer.close());

test('serve trusts the issuer of --jwt-jwks-url by --ca, or by the system; else the log names the remedy', async () => {
  await once(issuer.listen(0), 'listening');
  const url = `https://localhost:${(issuer.address() as AddressInfo).port}/keys`;
  const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  const serve = (flags: string[], env = {}) =>
    startServe(['--auth', 'jwt', '--jwt-jwks-url', url, ...flags], { env });

  const trusting = await serve(['--ca', cert]);
  await openClient(trusting.wsUrl, token);
  await trusting.logged(/#1 user:alice connected/);

  const distrusting = await serve([]);
  expect((await (await openClient(distrusting.wsUrl, token)).closed()).code).toBe(4401);
  await distrusting.logged(
    /refused with 4401 .*The keys at .*self-signed certificate.*--ca FILE.*NODE_EXTRA_CA_CERTS/,
  );

  const byVariable = await serve([], CAN_TRUST_SYSTEM ? INSTALLED : { NODE_EXTRA_CA_CERTS: cert });
  await openClient(byVariable.wsUrl, token);
  await byVariable.logged(/#1 user:alice connected/);
});

test('--ca without a URL of keys is refused, with what it wants', async () => {
  const secret = files.file('secret', 'x'.repeat(32));
  const { code, stderr } = await runCli([
    'serve',
    '--auth',
    'jwt',
    '--jwt-secret-file',
    secret,
    '--ca',
    cert,
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain('--ca needs --jwt-jwks-url: add it');
  const dev = await runCli(['serve', '--ca', cert]);
  expect([dev.code, dev.stderr]).toEqual([
    2,
    expect.stringContaining('--ca needs --auth jwt; the default is --auth dev'),
  ]);
});
