import { writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { changingCertificate } from '../support/changing-certificate.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { runWith } from '../support/run-in-process.js';

const { path: file, use } = changingCertificate();
afterEach(disposeProcesses);

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

  const emit = (...flags: string[]) => runWith(['emit', '1', '-n', 'a', '--url', serve.apiUrl, ...flags]);
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
  expect(wrong.stderr).toContain('Expected --ca to be a file of PEM certificates');

  const before = await shownBy(serve.apiUrl);
  use('two', 'one');
  serve.kill('SIGHUP');
  expect(await serve.logged(/SIGHUP/)).toContain(
    'kept the old version of the TLS certificate: The TLS key does not match',
  );
  expect(await shownBy(serve.apiUrl)).toBe(before);
  use('two', 'two');
  serve.kill('SIGHUP');
  await serve.logged(/SIGHUP: reloaded the TLS certificate/);
  expect(await shownBy(serve.apiUrl)).not.toBe(before);
  serve.kill('SIGTERM');
  expect((await serve.ended()).code).toBe(0);
});
