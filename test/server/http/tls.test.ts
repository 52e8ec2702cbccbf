import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { ApiClient } from '../../../src/emit/api-client.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';
import { within } from '../../support/deadline.js';
import { disposeLive, startServer } from '../../support/live-server.js';
import { selfSignedCertificate } from '../../support/self-signed.js';

const first = selfSignedCertificate('localhost');
const second = selfSignedCertificate('localhost');

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

const open = new Set<{ destroy(): void }>();

afterEach(async () => {
  for (const one of open) one.destroy();
  open.clear();
  await disposeLive();
});

function handshake(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options });
  open.add(socket);
  return within(
    once(socket, 'secureConnect').then(() => socket),
    'a TLS handshake',
  );
}

describe('a server with a certificate', () => {
  test('speaks wss and https, says so in its addresses, and nothing without TLS', async () => {
    const { wsUrl, apiUrl, port } = await startServer({ tls: first });
    expect([wsUrl, apiUrl]).toEqual([`wss://127.0.0.1:${port}/datafn/ws`, `https://127.0.0.1:${port}`]);
    const trusting: ClientOptions & { servername: string } = { ca: first.cert, servername: 'localhost' };
    const socket = new WebSocket(`${wsUrl}?token=a`, trusting);
    const message = once(socket, 'message');
    await within(once(socket, 'open'), 'the connection');
    const client = new ApiClient({
      url: `https://localhost:${port}`,
      tls: { ca: first.cert, rejectUnauthorized: true },
    });
    expect(await client.emit([{ namespace: 'a', cursor: '1' }])).toEqual([
      { namespace: 'a', cursor: '1', delivered: 1 },
    ]);
    expect(String((await within(message, 'the cursor'))[0])).toBe('{"type":"cursor","cursor":"1"}');
    client.close();
    socket.terminate();

    const plain = new ApiClient({ url: `http://127.0.0.1:${port}` });
    await expect(plain.get('/healthz')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    plain.close();
  });

  test('is not believed by an ApiClient that does not trust it, which is told what to do', async () => {
    const { port } = await startServer({ tls: first });
    const client = new ApiClient({ url: `https://localhost:${port}` });
    await expect(client.get('/healthz')).rejects.toThrow(
      /^Cannot reach https:\/\/localhost:\d+: self-signed certificate\. Trust its certificate with --ca FILE, or any certificate with --insecure\./,
    );
    client.close();
    const insecure = new ApiClient({
      url: `https://127.0.0.1:${port}`,
      tls: { ca: undefined, rejectUnauthorized: false },
    });
    expect(await insecure.get('/healthz')).toEqual({ status: 'ok' });
    insecure.close();
  });

  test('uses another certificate from updateTls on, and connections that are open stay', async () => {
    const { port, server } = await startServer({ tls: first });
    const before = await handshake(port, { ca: first.cert });
    server.updateTls(second);
    await handshake(port, { ca: second.cert });
    await expect(handshake(port, { ca: first.cert })).rejects.toThrow(/self-signed/);
    before.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = await within(once(before, 'data'), 'an answer on the old connection');
    expect(String(answer)).toContain('200 OK');
  });

  test('uses it for the port of the metrics as well', async () => {
    const { metricsUrl = '', server } = await startServer({ tls: first, metricsListen: '127.0.0.1:0' });
    const { protocol, port } = new URL(metricsUrl);
    expect(protocol).toBe('https:');
    await handshake(Number(port), { ca: first.cert });
    server.updateTls(second);
    await handshake(Number(port), { ca: second.cert });
    await expect(handshake(Number(port), { ca: first.cert })).rejects.toThrow(/self-signed/);
  });

  test('keeps the old certificate when the new pair cannot be used', async () => {
    const { port, server } = await startServer({ tls: first });
    expect(() => server.updateTls({ cert: second.cert, key: first.key })).toThrow(/does not match/);
    await handshake(port, { ca: first.cert });
  });

  test('cuts a connection that never begins its TLS handshake after handshakeTimeoutMs', async () => {
    const { port } = await startServer({ tls: first, handshakeTimeoutMs: 100 });
    const silent = connectPlain(port, '127.0.0.1').on('error', () => {});
    open.add(silent);
    await within(once(silent, 'close'), 'the end of a silent connection');
  });
});

describe('a pair that cannot be used', () => {
  const start = (cert: string, key: string) => () => createDatafnWsServer({ port: 0, tls: { cert, key } });

  test.each([
    ['no certificate', start('x', first.key), /--tls-cert\) to be a certificate in PEM/],
    ['a key in its place', start(first.key, first.key), /--tls-cert\) to be a certificate in PEM/],
    ['no key', start(first.cert, 'x'), /--tls-key\) to be a private key in PEM/],
    ['a certificate in its place', start(first.cert, first.cert), /--tls-key\) to be a private key in PEM/],
    [
      'the key of another',
      start(first.cert, second.key),
      /does not match the certificate \(of "CN=localhost"\)/,
    ],
    [
      'an encrypted key',
      start(first.cert, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIG=\n-----END ENCRYPTED PRIVATE KEY-----\n'),
      /is encrypted: decrypt it first/,
    ],
  ])('for %s is refused at construction in one line', (_, attempt, message) => {
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
    expect(attempt).toThrow(/^[^\n]*$/);
  });

  test('is refused by its type, too, and never shown', () => {
    // biome-ignore lint/suspicious/noExplicitAny: what a caller without types may pass
    const wrong: any[] = ['pem', 1, {}, { cert: first.cert }, { cert: 1, key: first.key }];
    for (const tls of wrong) {
      expect(() => createDatafnWsServer({ tls })).toThrow(
        /^Expected `tls` to be an object with `cert` and `key`/,
      );
    }
  });

  test('and a server without TLS takes none later', async () => {
    const { server } = await startServer();
    expect(() => server.updateTls(first)).toThrow(/create it with `tls`/);
  });
});

describe('localhost', () => {
  test('is served at both of its addresses', async () => {
    const { port, server } = await startServer({ host: 'localhost' });
    const hosts = ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])];
    for (const host of hosts) {
      const socket = connectPlain(port, host);
      open.add(socket);
      await within(once(socket, 'connect'), `a connection to ${host}`);
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      expect(String((await within(once(socket, 'data'), `an answer at ${host}`))[0])).toContain('200 OK');
    }
    await server.close();
    for (const host of hosts) {
      const late = connectPlain(port, host);
      const [error] = await within(once(late, 'error'), `a refusal at ${host}`);
      expect(error.code).toBe('ECONNREFUSED');
    }
  });
});
