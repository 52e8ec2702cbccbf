import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { selfSignedCertificate } from '../support/self-signed.js';

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'datafn-ws-'));
  for (const name of ['one', 'two']) {
    const { cert, key } = selfSignedCertificate('localhost');
    writeFileSync(file(`${name}.cert.pem`), cert);
    writeFileSync(file(`${name}.key.pem`), key);
  }
});

afterEach(disposeProcesses);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const use = (cert: string, key: string) => {
  copyFileSync(file(`${cert}.cert.pem`), file('cert.pem'));
  copyFileSync(file(`${key}.key.pem`), file('key.pem'));
};

/** The certificate that a server shows, by its fingerprint. */
function shownBy(apiUrl: string): Promise<string> {
  return within(
    new Promise((resolve, reject) => {
      const port = Number(new URL(apiUrl).port);
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.once('error', reject);
    }),
    'a TLS handshake',
  );
}

test('serve speaks TLS by its config file, emit trusts it by --ca or --insecure alone, and SIGHUP reads the certificate again', async () => {
  use('one', 'one');
  // Names of files are seen from the config file's folder.
  writeFileSync(file('datafn-ws.yaml'), 'host: localhost\ntlsCert: cert.pem\ntlsKey: key.pem\n');
  const serve = await startServe(['--config', file('datafn-ws.yaml')]);
  expect(serve.wsUrl).toMatch(/^wss:\/\/localhost:\d+\/datafn\/ws$/);
  expect(serve.apiUrl).toMatch(/^https:\/\/localhost:\d+$/);

  const emit = (...flags: string[]) => runCli(['emit', '1', '-n', 'a', '--url', serve.apiUrl, ...flags]);
  const [untrusted, trusted, insecure, wrong] = await Promise.all([
    emit(),
    emit('--ca', file('one.cert.pem')),
    emit('--insecure'),
    emit('--ca', file('one.key.pem')),
  ]);
  expect(untrusted.code).toBe(3);
  expect(untrusted.stderr).toContain('Trust its certificate with --ca FILE');
  expect([trusted.code, insecure.code]).toEqual([0, 0]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('Expected --ca to be a file of certificates in PEM');

  const before = await shownBy(serve.apiUrl);
  use('two', 'one');
  serve.kill('SIGHUP');
  expect(await serve.logged(/SIGHUP/)).toContain(
    'the TLS certificate stays as it was: The TLS key does not belong',
  );
  expect(await shownBy(serve.apiUrl)).toBe(before);
  use('two', 'two');
  serve.kill('SIGHUP');
  await serve.logged(/SIGHUP: the TLS certificate was read again/);
  expect(await shownBy(serve.apiUrl)).not.toBe(before);
  serve.kill('SIGTERM');
  expect((await serve.ended()).code).toBe(0);
});

test('the emit command that the banner shows works over TLS as it stands', async () => {
  use('one', 'one');
  const flags = ['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')];
  for (const host of ['localhost', '127.0.0.1']) {
    const serve = startCli(['serve', '-p', '0', '-H', host, ...flags]);
    await serve.until(() => serve.stdout.includes('Ctrl-C'), 'the banner');
    const command = /npx datafn-ws (emit .+)/.exec(serve.stdout)?.[1]?.split(' ') ?? [];
    expect(command.join(' ')).toContain(host === 'localhost' ? ' --ca ' : ' --insecure');
    expect((await runCli(command)).code).toBe(0);
  }
});

test('bench tests a server over TLS: connections, emits in order, and load by autocannon', async () => {
  use('one', 'one');
  writeFileSync(
    file('tls.yaml'),
    `version: 1
name: tls
cohorts:
  steady: { clients: 20, namespaces: "user:{1..4}" }
  nobody: { clients: 2, behavior: bad-token }
phases:
  - connect: { cohort: steady }
  - connect: { cohort: nobody }
  - emit: { namespaces: all, rate: 40/s, count: 8 }
  - emit: { namespaces: all, rate: 20/s, for: 1s, via: autocannon }
expect:
  - steady.accepted == 20
  - nobody.closed[4401] == 2
  - cursors.lost == 0
  - api.failed == 0
`,
  );
  const serve = await startServe([
    ...['-H', 'localhost', '--log-level', 'warn'],
    ...['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')],
  ]);
  const flags = ['--url', serve.wsUrl, '--ca', file('cert.pem')];
  const { code, stdout } = await runCli(['bench', file('tls.yaml'), ...flags]);
  expect([code, stdout]).toEqual([0, expect.stringContaining('PASSED tls')]);
}, 30_000);
