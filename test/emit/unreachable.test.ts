import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { checkReachable } from '../../src/bench/target/preflight.js';
import { ApiClient } from '../../src/emit/api-client.js';
import { unreachable } from '../../src/emit/unreachable.js';
import { within } from '../support/deadline.js';
import { disposeLive, startServer } from '../support/live-server.js';
import { selfSignedCertificate } from '../support/self-signed.js';

const servers: Server[] = [];

afterEach(async () => {
  await disposeLive();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const startTls = () =>
  listening(createTlsServer(selfSignedCertificate('localhost')).on('tlsClientError', () => {}));

/** What an emit says that cannot reach its server. */
async function saidBy(url: string): Promise<string> {
  const client = new ApiClient({ url });
  const said = await within(
    client.emit([{ namespace: 'a', cursor: '1' }]).then(
      () => 'nothing',
      ({ message }) => message,
    ),
    'an error',
  );
  client.close();
  return said;
}

describe('a server that cannot be reached is told in plain words, with what to do', () => {
  test('over TLS, when it speaks none', async () => {
    const { apiUrl } = await startServer();
    const secure = apiUrl.replace('http:', 'https:');
    expect(await saidBy(secure)).toBe(`Cannot reach ${secure}: the server does not speak TLS. Try ${apiUrl}`);
  });

  test('without TLS, when it wants it', async () => {
    const host = await startTls();
    const said = await saidBy(`http://${host}`);
    expect(said).toMatch(
      new RegExp(`^Cannot reach http://${host}: .+ If it speaks TLS, try https://${host}$`),
    );
  });

  test('and it is not to be believed', async () => {
    const said = await saidBy(`https://${await startTls()}`);
    expect(said).toMatch(
      /: self-signed certificate\. Trust its certificate with --ca FILE, or any .* --insecure\./,
    );
  });

  test('for the WebSocket URL of a run as well, before anything is opened', async () => {
    const { wsUrl } = await startServer();
    const secure = wsUrl.replace('ws:', 'wss:');
    await expect(within(checkReachable(secure, undefined), 'an error')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: `Cannot reach ${secure}: the server does not speak TLS. Try ${wsUrl}`,
    });
    await expect(within(checkReachable(`wss://${await startTls()}/`, undefined), 'an error')).rejects.toThrow(
      /self-signed certificate\. Trust its certificate with --ca FILE/,
    );
    await checkReachable(wsUrl, undefined);
    await checkReachable(`wss://${await startTls()}/`, { ca: undefined, rejectUnauthorized: false });
  });

  test.each([
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND nowhere', /Check the host name$/],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', /Start one with: npx datafn-ws serve$/],
    ['ECONNRESET', 'aborted', /Is the server running\? Start one with: npx datafn-ws serve$/],
    ['EPROTO', 'some words\nof OpenSSL', /: some words\. Is the server running\?/],
    ['ETIMEDOUT', '', /: ETIMEDOUT\. Is the server running\?/],
  ])('when it is %s (%j)', (code, message, said) => {
    const error = Object.assign(new Error(message), { code });
    expect(unreachable('http://nowhere', error)).toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(said),
      cause: error,
    });
  });
});
