import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { signJwt } from '../../src/protocol/jwt.js';
import {
  type CliOptions,
  disposeProcesses,
  runCli,
  type ServeProcess,
  startServe,
} from '../support/cli-process.js';
import { call, postCursors } from '../support/http-call.js';
import { leaksIn } from '../support/leaks.js';
import { RawClient, type RawClientOptions } from '../support/raw-client.js';

// No secret is ever printed: everything that serve, emit, bench and token say, to streams and to files, and everything
// that the server answers, is searched for every secret that went in.

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-secrets-'));
const clients = new Set<RawClient>();
afterAll(async () => {
  for (const client of clients) client.socket.destroy();
  await disposeProcesses();
  rmSync(folder, { recursive: true });
});

/** A fresh secret with letters that every encoding treats in a way of its own. */
const secret = () => `${randomBytes(30).toString('base64')}+/=`;

function written(name: string, text: string): string {
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

const jwtSecret = secret();
const tokens = [secret(), secret()];
const spoilt = [secret(), secret()];
const claims = { sub: 'alice', exp: Math.floor(Date.now() / 1000) + 600 };

const _CASES: readonly Case[] = [
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
            case 3: Promise.reject(new TypeError('not awaited: ' + all)); return { namespace: JSON.parse(token) };
            case 4: setTimeout(() => { throw new Error('too late for ' + all); }, 1); return new Promise(() => {});
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
function _waysOf(token: string): RawClientOptions[] {
  const printable = /^[\x21-\x7e]+$/.test(token) ? token : encodeURIComponent(token);
  return [
    { token },
    { headers: { Authorization: `Bearer ${printable}` } },
    { headers: { Cookie: `theme=dark; datafn_token=${encodeURIComponent(token)}` } },
    { headers: { 'Sec-WebSocket-Protocol': `datafn.bearer.${Buffer.from(token).toString('base64url')}` } },
  ];
}

/** Upgrades that are refused whoever asks, with a token all the same. */
function _refusalsOf(token: string): [string, RawClientOptions][] {
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
async function _visit(serve: ServeProcess, suffix: string, options: RawClientOptions): Promise<string> {
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
async function _callApi(apiUrl: string, admin: string, wrong: string): Promise<string> {
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

describe('bench keeps every secret to itself, in all of its reports', () => {
  const SCENARIO = written(
    'secrets.yaml',
    `version: 1
name: secrets
cohorts:
  users: { clients: 6, namespaces: "user:{1..2}" }
  nobody: { clients: 2, behavior: bad-token }
phases:
  - connect: { cohort: users }
  - connect: { cohort: nobody }
  - emit: { namespaces: all, rate: 20/s, count: 4 }
expect:
  - users.accepted == 6
  - nobody.closed[4401] == 2
  - cursors.lost == 0
`,
  );
  const [one, two] = [secret(), secret()];
  const tokensFile = written('bench-tokens.json', JSON.stringify({ [one]: 'user:1', [two]: 'user:2' }));
  const template = `${randomBytes(24).toString('base64url')}-{namespace}`;
  const fromTemplate = written(
    'from-template.mjs',
    `export const getNamespace = ({ token = '' }) => token.replace(${JSON.stringify(template.replace('{namespace}', ''))}, '');`,
  );
  const header = randomBytes(24).toString('base64url');

  test.concurrent.each<[string, string[], string[], string[]]>([
    [
      'a tokens file',
      ['--auth', 'tokens', '--tokens', tokensFile],
      ['--tokens-file', tokensFile],
      [one, two],
    ],
    [
      'a template',
      ['--auth', 'module', '--auth-module', fromTemplate],
      ['--token-template', template],
      [template.replace('{namespace}', '')],
    ],
    [
      'a JWT secret and headers of emits',
      ['--auth', 'jwt', '--jwt-namespace', '{sub}', '--jwt-secret', jwtSecret],
      ['--jwt-secret', jwtSecret],
      [jwtSecret, header],
    ],
  ])(
    'with %s',
    async (name, serveFlags, benchFlags, secrets) => {
      const admin = randomBytes(24).toString('base64url');
      const serve = await startServe([...serveFlags, '--log-level', 'debug', '--admin-token', admin]);
      const own = join(folder, name.replaceAll(' ', '-'));
      const files = ['json', 'junit', 'markdown', 'html'].map((format) => [
        `--${format}`,
        `${own}.${format}`,
      ]);
      const emits = name.endsWith('headers of emits')
        ? [
            ...['--emit-url', `${serve.apiUrl}/v1/cursors`],
            ...['--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
            ...['--emit-header', `authorization: Bearer ${admin}`, '--emit-header', `x-key: ${header}`],
          ]
        : ['--admin-token', admin];
      const target = ['bench', SCENARIO, '--url', serve.wsUrl, '--workers', '1', ...benchFlags];
      const passed = await runCli([...target, ...emits, ...files.flat(), '--progress'], { withinMs: 20_000 });
      serve.kill('SIGTERM');
      await serve.ended();

      expect(passed.code, passed.stdout + passed.stderr).toBe(0);
      const reports = files.map(([, file]) => readFileSync(file as string, 'utf8'));
      for (const report of reports) expect(report).toContain('secrets');
      const printed = [passed, serve].flatMap(({ stdout, stderr }) => [stdout, stderr]);
      expect(leaksIn([...printed, ...reports].join('\n'), [...secrets, admin])).toEqual([]);
    },
    60_000,
  );
});
