import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { disposeLive, startServer } from '../../support/live-server.js';
import { runWith } from '../../support/run-in-process.js';
import { selfSignedCertificate } from '../../support/self-signed.js';
import { type LittleServer, littleServer } from '../fleet/little-server.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-preflight-'));
afterAll(() => rmSync(folder, { recursive: true }));

const littles: LittleServer[] = [];
const listeners: Server[] = [];
afterEach(async () => {
  await disposeLive();
  await Promise.all(littles.splice(0).map((one) => one.stop()));
  for (const one of listeners.splice(0)) one.close();
});

function scenario(name: string, body: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, `version: 1\nname: ${name}\n${body}`);
  return file;
}

const QUIET = scenario(
  'quiet',
  `cohorts:
  users: { clients: 40, namespaces: "user:{1..4}" }
  nobody: { clients: 2, behavior: unauthenticated }
phases:
  - connect: { cohort: users }
expect:
  - users.accepted == 40
`,
);
const EMITS = scenario(
  'emits',
  `cohorts:
  users: { clients: 4, namespaces: "user:{1..4}" }
phases:
  - connect: { cohort: users }
  - emit: { namespaces: all, rate: 20/s, count: 4 }
expect:
  - users.accepted == 4
`,
);
const _ONLY_REFUSED = scenario(
  'only-refused',
  `cohorts:
  nobody: { clients: 2, behavior: unauthenticated }
  forged: { clients: 2, behavior: bad-token }
  strangers: { clients: 2, namespaces: nowhere }
phases:
  - connect: { cohort: nobody }
  - connect: { cohort: forged }
  - connect: { cohort: strangers }
expect:
  - nobody.accepted == 0
  - forged.accepted == 0
  - strangers.accepted == 0
`,
);

/** Runs bench, which has to end with exit 3 before its run begins; the one line that says why. */
async function causeOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runWith(['bench', ...args]);
  expect(code, stderr).toBe(3);
  // Nobody connected, and nothing was measured.
  expect(stderr).not.toMatch(/^1\/\d/m);
  expect(stdout).not.toContain('Expectations');
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('error:'));
  expect(lines, stderr).toHaveLength(1);
  return lines[0] as string;
}

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
      /a client of users.*it answered 404 Not Found: .*\/datafn\/ws.*path of --url.*\/wrong/,
    );
  });

  test.each<[string, string[], RegExp]>([
    ['none were given', [], /--token-template, --tokens-file or --jwt-secret/],
    ['a template makes wrong ones', ['--token-template', 'k-{i}'], /--token-template right/],
    ['the secret is another', ['--jwt-secret', 'x'.repeat(32)], /--jwt-secret and --jwt-claims right/],
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
    ['200', ['HTTP/1.1 200 OK', 'Content-Type: text/html', '', '<html>'], /it answered 200 OK\. Is the path/],
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
    expect(cause).toMatch(/does not take emits: .*401.*--admin-token/);
    expect(cause).not.toContain('wrong');
  });

  test('an API that is somewhere else', async () => {
    const { wsUrl } = await startServer();
    const cause = await causeOf(EMITS, '--url', wsUrl, '--admin-url', 'http://127.0.0.1:9');
    expect(cause).toMatch(/does not take emits: Cannot reach http:\/\/127\.0\.0\.1:9/);
  });
});
