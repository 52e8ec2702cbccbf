import { writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { changingCertificate } from '../support/changing-certificate.js';
import { disposeProcesses, runCli, startCli, startServe } from '../support/cli-process.js';

const { path: file, use } = changingCertificate();
afterEach(disposeProcesses);

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
  noToken: { clients: 2, behavior: bad-token }
phases:
  - connect: { cohort: steady }
  - connect: { cohort: noToken }
  - emit: { namespaces: all, rate: 40/s, count: 8 }
  - emit: { namespaces: all, rate: 20/s, for: 1s, via: autocannon }
expect:
  - steady.accepted == 20
  - noToken.closed[4401] == 2
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
