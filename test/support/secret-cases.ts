import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { signJwt } from '../../src/text/jwt.js';
import { type CliOptions, disposeProcesses, type ServeProcess, startServe } from './cli-process.js';
import { call, postCursors } from './http-call.js';
import { leaksIn } from './leaks.js';
import { RawClient, type RawClientOptions } from './raw-client.js';
import { runWith } from './run-in-process.js';

// No secret is ever printed: everything that serve, emit, bench and token say, to streams and to files, and everything
// that the server answers, is searched for every secret that went in.

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-secrets-'));
const clients = new Set<RawClient>();
/** For `afterAll`. */
export async function disposeSecrets(): Promise<void> {
  for (const client of clients) client.socket.destroy();
  await disposeProcesses();
  rmSync(folder, { recursive: true });
}

/** A fresh secret with letters that every encoding treats in a way of its own. */
export const secret = () => `${randomBytes(30).toString('base64')}+/=`;

/** Writes a file into the folder of the tests; its name. */
export function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A provider to serve with, and tokens that it takes and does not take. */
interface Case {
  readonly name: string;
  readonly flags: readonly string[];
  readonly env?: CliOptions['env'];
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** More that must not be seen. */
  readonly secrets?: readonly string[];
  /** Makes files unreadable, for a reload. */
  readonly spoil?: () => void;
}

export const jwtSecret = secret();
const tokens = [secret(), secret()];
const spoilt = [secret(), secret()];
const claims = { sub: 'alice', exp: Math.floor(Date.now() / 1000) + 600 };

export const CASES: readonly Case[] = [
  // With this provider a token is a namespace, and shown as one; so only such as are none.
  { name: 'dev', flags: [], good: [], bad: [secret().repeat(8), secret().repeat(9)] },
  {
    name: 'tokens',
    flags: [
      '--auth',
      'tokens',
      '--tokens',
      written('tokens.json', JSON.stringify({ [tokens[0] as string]: 'a', [tokens[1] as string]: 'b' })),
    ],
    good: tokens,
    bad: [secret(), `${tokens[0]}x`],
    secrets: spoilt,
    spoil: () =>
      written('tokens.json', `{"${spoilt[0]}": "a", "${spoilt[1]?.slice(0, 15)}": "b", ${spoilt[0]}: &x {`),
  },
  {
    name: 'jwt',
    flags: ['--auth', 'jwt', '--jwt-issuer', 'me'],
    env: { DATAFN_WS_JWT_SECRET: jwtSecret },
    good: [signJwt({ ...claims, iss: 'me' }, jwtSecret)],
    bad: [
      signJwt(claims, jwtSecret),
      signJwt({ ...claims, iss: 'me', sub: 7 }, jwtSecret),
      signJwt({ ...claims, iss: 'me' }, secret()),
      secret(),
    ],
    secrets: [jwtSecret],
  },
  {
    name: 'module',
    flags: [
      '--auth',
      'module',
      '--auth-timeout',
      '200ms',
      '--auth-module',
      written(
        'provider.mjs',
        `let count = 0;
        export function getNamespace({ token, url, headers }) {
          const all = [token, url, JSON.stringify(headers), headers.cookie].join(' ');
          switch (count++ % 6) {
            case 0: return 'a';
            case 1: throw new Error('I do not know ' + all);
            case 2: return Promise.reject(all);
            case 3: return { namespace: JSON.parse(token) };
            case 4: return new Promise((_, reject) => setTimeout(() => reject(new Error('too late for ' + all)), 300));
            default: return JSON.parse(headers['sec-websocket-protocol'] ?? headers.cookie ?? headers.authorization ?? url);
          }
        }`,
      ),
    ],
    good: [],
    bad: Array.from({ length: 6 }, secret),
  },
];

/** Shows a token in every way there is. */
function waysOf(token: string): RawClientOptions[] {
  const printable = /^[\x21-\x7e]+$/.test(token) ? token : encodeURIComponent(token);
  return [
    { token },
    { headers: { Authorization: `Bearer ${printable}` } },
    { headers: { Cookie: `theme=dark; datafn_token=${encodeURIComponent(token)}` } },
    { headers: { 'Sec-WebSocket-Protocol': `datafn.bearer.${Buffer.from(token).toString('base64url')}` } },
  ];
}

/** Upgrades that are refused whoever asks, with a token all the same. */
function refusalsOf(token: string): [string, RawClientOptions][] {
  return [
    ['/elsewhere', { token }],
    ['', { token, headers: { Host: 'evil.example' } }],
    ['', { token, headers: { Origin: 'https://evil.example' } }],
    ['', { token, method: 'POST' }],
    ['', { token, headers: { 'Sec-WebSocket-Key': undefined } }],
    ['', { token, headers: { 'Sec-WebSocket-Protocol': `a,,${Buffer.from(token).toString('base64url')}` } }],
    [`?token=${encodeURIComponent(token)}&token=other`, {}],
    [`?token=%FF${encodeURIComponent(token)}`, {}],
  ];
}

/** Connects, says hello, waits for what the server makes of it; all that it answered, but for the echo of a subprotocol. */
async function visit(serve: ServeProcess, suffix: string, options: RawClientOptions): Promise<string> {
  const wsUrl = suffix.startsWith('/') ? serve.wsUrl.replace(/\/datafn\/ws$/, suffix) : serve.wsUrl + suffix;
  const client = await RawClient.connect(wsUrl, options);
  clients.add(client);
  if (client.status === 101) {
    client.say('{"type":"hello","clientId":"phone"}');
    await Promise.race([client.roundTrip(), client.closed()]);
    client.close(1000, 'bye');
  }
  await client.gone();
  const echo = /^sec-websocket-protocol: .*$/im;
  return [client.head.replace(echo, ''), client.body, ...client.texts, client.closeFrame?.reason].join('\n');
}

/** Calls the HTTP API with secrets wherever it may take or overlook them; all that it answered. */
async function callApi(apiUrl: string, admin: string, wrong: string): Promise<string> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const answers = await Promise.all([
    ...['/v1/stats', '/v1/namespaces', '/metrics', '/nothing', '/healthz'].flatMap((path) => [
      call('GET', `${apiUrl}${path}?token=${encodeURIComponent(wrong)}`, { headers: bearer(admin) }),
      call('GET', `${apiUrl}${path}`, { headers: { ...bearer(wrong), cookie: `datafn_token=${wrong}` } }),
    ]),
    postCursors(apiUrl, { namespace: 'a', cursor: '1' }, bearer(admin)),
    postCursors(apiUrl, { namespace: 'a', cursor: '2' }, bearer(wrong)),
    call('POST', `${apiUrl}/v1/cursors`, { headers: { ...bearer(admin), 'content-type': wrong }, body: 'x' }),
    call('PUT', `${apiUrl}/v1/stats`, { headers: bearer(wrong) }),
  ]);
  return answers.map(({ headers, text }) => JSON.stringify(headers) + text).join('\n');
}

/** Serves with a provider, asks for everything in every way, and searches whatever is printed or answered. */
export async function expectNoLeak(
  format: 'pretty' | 'json',
  { flags, env = {}, good, bad, secrets = [], spoil }: Case,
): Promise<void> {
  const [admin, wrong] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
  const serve = await startServe([...flags, '--log-level', 'debug', '--log-format', format], {
    env: { ...env, DATAFN_WS_ADMIN_TOKEN: admin },
  });
  const answers: string[] = [];
  const visits: [string, RawClientOptions][] = [
    ...[...good, ...bad].flatMap((token) =>
      waysOf(token).map((way): [string, RawClientOptions] => ['', way]),
    ),
    ...[...good.slice(0, 1), ...bad.slice(0, 1)].flatMap(refusalsOf),
  ];
  answers.push(...(await Promise.all(visits.map(([suffix, options]) => visit(serve, suffix, options)))));
  answers.push(await callApi(serve.apiUrl, admin, wrong));
  const emits = await Promise.all(
    [admin, wrong].map((token) =>
      runWith(['emit', '1', '-n', 'a', '--url', serve.apiUrl, '--admin-token', token, '--json']),
    ),
  );
  if (spoil !== undefined) {
    spoil();
    serve.kill('SIGHUP');
    await serve.logged(/SIGHUP/);
  }
  serve.kill('SIGTERM');
  expect((await serve.ended()).code).toBe(0);

  expect(emits.map(({ code }) => code)).toEqual([0, 1]);
  const printed = [
    serve.stdout,
    serve.stderr,
    ...answers,
    ...emits.flatMap(({ stdout, stderr }) => [stdout, stderr]),
  ];
  // That there was something to find, and that it was looked at.
  expect(serve.stderr).toMatch(/4401/);
  expect(answers.join()).toMatch(/HTTP\/1\.1 (101|404)/);
  expect(leaksIn(printed.join('\n'), [...good, ...bad, ...secrets, admin, wrong])).toEqual([]);
}
