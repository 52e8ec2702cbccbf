import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tryClient } from '../../../src/bench/target/trial-client.js';
import { PLAIN_UPGRADE, Upgrade } from '../../../src/protocol/upgrade.js';
import { startServer } from '../../support/live-server.js';
import { preflightTests } from '../../support/preflight-tests.js';
import { runWith } from '../../support/run-in-process.js';
import { selfSignedCertificate } from '../../support/self-signed.js';
import { littleServer } from '../fleet/little-server.js';

const { folder, littles, QUIET, EMITS, causeOf } = preflightTests(runWith);

/** A server that answers every upgrade with these bytes. */
async function answering(...lines: readonly string[]): Promise<string> {
  const server = await littleServer({ onUpgrade: (raw) => raw.end(lines.join('\r\n')) });
  littles.push(server);
  return server.url;
}

describe('a target that lets no client in is exit 3, with what it answered and what to do', () => {
  test('a wrong path', async () => {
    const { wsUrl } = await startServer();
    expect(await causeOf(QUIET, '--url', wsUrl.replace('/datafn/ws', '/wrong'))).toMatch(
      /a client of users.*it answered 404 Not Found: No WebSocket at "\/wrong"; it is at \/datafn\/ws\. [^.]* --path$/,
    );
  });

  test.each<[string, string[], RegExp]>([
    ['none were given', [], /--token-template, --tokens-file or --jwt-secret/],
    ['a template makes wrong ones', ['--token-template', 'k-{i}'], /Check --token-template/],
    ['the secret is another', ['--jwt-secret', 'x'.repeat(32)], /Check --jwt-secret and --jwt-claims/],
  ])('tokens that are not taken, where %s', async (_, flags, hint) => {
    const { wsUrl } = await startServer({ namespaceProvider: () => undefined });
    const cause = await causeOf(QUIET, '--url', wsUrl, ...flags);
    expect(cause).toMatch(/it closed the connection with 4401 Unauthorized\. /);
    expect(cause).toMatch(hint);
  });

  test.each<[string, string[], RegExp]>([
    [
      '301',
      ['HTTP/1.1 301 Moved Permanently', 'Location: https://new.test/datafn/ws?key=hush', '', ''],
      /it answered 301 Moved Permanently, Location: https:\/\/new\.test\/datafn\/ws\?key=….*use --url wss:\/\/new\.test\/datafn\/ws$/,
    ],
    [
      '308 to a path of its own',
      ['HTTP/1.1 308 Permanent Redirect', 'Location: /v2/ws', '', ''],
      /308.*use --url ws:\/\/127\.0\.0\.1:\d+\/v2\/ws$/,
    ],
    [
      '401',
      ['HTTP/1.1 401 Unauthorized', 'WWW-Authenticate: Basic', '', ''],
      /it answered 401 Unauthorized\. .*--token-template.*--header/,
    ],
    [
      '503 with a problem document',
      [
        'HTTP/1.1 503 Service Unavailable',
        'Content-Type: application/problem+json',
        '',
        '{"detail":"No backend\\nis up","fix":"Wait"}',
      ],
      /it answered 503 Service Unavailable: No backend is up\. Wait\. .*not ready/,
    ],
    [
      '400 in words',
      ['HTTP/1.1 400 Bad Request', 'Content-Type: text/plain', '', 'No such host\nat all'],
      /it answered 400 Bad Request: No such host\. .*--header 'Host: NAME'/,
    ],
    [
      '200',
      ['HTTP/1.1 200 OK', 'Content-Type: text/html', '', '<html>'],
      /it answered 200 OK\. Check the path/,
    ],
    ['nothing, and an end', [], /Cannot reach ws:.*Is it a datafn-ws server/],
    ['something that is no HTTP', ['SSH-2.0-server', ''], /Cannot reach ws:.*Is it a datafn-ws server/],
  ])('an answer of %s', async (_, lines, cause) => {
    expect(await causeOf(QUIET, '--url', await answering(...lines))).toMatch(cause);
  });

  test.each([
    [4403, 'DATAFN_ROUTE_TICKET_REVOKED'],
    [1008, 'no'],
    [4503, 'Connection limit reached'],
  ])('a close with %i', async (code, reason) => {
    const server = await littleServer({ onPeer: ({ socket }) => socket.close(code, reason) });
    littles.push(server);
    expect(await causeOf(QUIET, '--url', server.url)).toContain(
      `it closed the connection with ${code} ${reason}. `,
    );
  });

  test('a token of a file, and a URL with a secret that the server repeats', async () => {
    const server = await littleServer({ onPeer: ({ socket }) => socket.close(4401, 'no, not hush at all') });
    littles.push(server);
    const names = Array.from({ length: 4 }, (_, index) => `"secret-token-${index}": user:${index + 1}\n`);
    const tokens = join(folder, 'tokens.yaml');
    writeFileSync(tokens, names.join(''));
    const cause = await causeOf(QUIET, '--url', `${server.url}?key=hush`, '--tokens-file', tokens);
    expect(cause).toMatch(/with 4401 no, not … at all\. Check the tokens of --tokens-file/);
  });

  test('a connection that ends without a close frame', async () => {
    const server = await littleServer({ onPeer: ({ socket }) => socket.terminate() });
    littles.push(server);
    expect(await causeOf(QUIET, '--url', server.url)).toContain('without a close frame');
  });

  test('TLS that is not trusted, or not there, and nothing at all', async () => {
    const { wsUrl: secure } = await startServer({ tls: selfSignedCertificate('localhost') });
    expect(await causeOf(QUIET, '--url', secure)).toMatch(/Cannot reach wss:.*certificate.*--ca FILE/);
    const { wsUrl } = await startServer();
    expect(await causeOf(QUIET, '--url', wsUrl.replace('ws:', 'wss:'))).toMatch(/does not speak TLS/);
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    expect(await causeOf(QUIET, '--url', `ws://127.0.0.1:${port}/datafn/ws`)).toMatch(
      /ECONNREFUSED.*datafn-ws serve/,
    );
  });

  test('one of several URLs', async () => {
    const { wsUrl } = await startServer();
    const { wsUrl: other } = await startServer({ path: '/other' });
    const cause = await causeOf(QUIET, '--url', wsUrl, '--url', other.replace('/other', '/datafn/ws'));
    expect(cause).toContain(new URL(other).host);
  });
});

describe('an emit that is not taken is exit 3, with what the API answered', () => {
  test('a wrong token of the API', async () => {
    const { wsUrl } = await startServer({ adminToken: 'right' });
    const cause = await causeOf(EMITS, '--url', wsUrl, '--admin-token', 'wrong');
    // The answer of the server names the flag, too: it is the advice at the end that counts.
    expect(cause).toMatch(/does not accept emits: .*401.*\. Does it need another token\? See --admin-token$/);
    expect(cause).not.toContain('wrong');
  });

  test('an API that is somewhere else', async () => {
    const { wsUrl } = await startServer();
    const cause = await causeOf(EMITS, '--url', wsUrl, '--admin-url', 'http://127.0.0.1:9');
    expect(cause).toMatch(/does not accept emits: Cannot reach http:\/\/127\.0\.0\.1:9/);
  });
});

test('a client that is tried answers a ping, reads a message, and leaves breaches of the protocol to the run', async () => {
  const server = await littleServer({
    onPeer({ socket, raw }) {
      socket.ping('are you there');
      socket.send('{"type":"welcome"}');
      // A reserved opcode: that is for the run to find out.
      raw.write(Buffer.from([0x83, 0]));
    },
  });
  littles.push(server);
  const upgrade = new Upgrade(server.url, PLAIN_UPGRADE);
  const outcome = await tryClient({
    url: new URL(server.url),
    upgrade,
    token: 't',
    hello: undefined,
    tls: undefined,
  });
  expect(outcome).toEqual({ kind: 'admitted' });
  await server.until(() => server.peers[0]?.pongs[0] === 'are you there', 'the pong');
});
