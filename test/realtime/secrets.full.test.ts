import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { runBench } from '../support/bench-process.js';
import { everyReport } from '../support/bench-reports.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { leaksIn } from '../support/leaks.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file: written, folder } = temporaryFolder('secrets');
afterAll(disposeProcesses);

/** A fresh secret with letters that every encoding treats in a way of its own. */
const secret = () => `${randomBytes(30).toString('base64')}+/=`;
const jwtSecret = secret();

describe('bench keeps every secret to itself, in all of its reports', () => {
  const SCENARIO = written(
    'secrets.yaml',
    `version: 1
name: secrets
cohorts:
  users: { clients: 6, namespaces: "user:{1..2}" }
  noToken: { clients: 2, behavior: bad-token }
phases:
  - connect: { cohort: users }
  - connect: { cohort: noToken }
  - emit: { namespaces: all, rate: 20/s, count: 4 }
expect:
  - users.accepted == 6
  - noToken.closed[4401] == 2
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

  test.each<[string, string[], string[], string[]]>([
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
  ])('with %s', async (name, serveFlags, benchFlags, secrets) => {
    const admin = randomBytes(24).toString('base64url');
    const serve = await startServe([...serveFlags, '--log-level', 'debug', '--admin-token', admin]);
    const reports = everyReport(folder, name.replaceAll(' ', '-'));
    const emits = name.endsWith('headers of emits')
      ? [
          ...['--emit-url', `${serve.apiUrl}/v1/cursors`],
          ...['--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
          ...['--emit-header', `authorization: Bearer ${admin}`, '--emit-header', `x-key: ${header}`],
        ]
      : ['--admin-token', admin];
    const target = [SCENARIO, '--url', serve.wsUrl, '--workers', '1', ...benchFlags];
    const passed = await runBench([...target, ...emits, ...reports.flags, '--progress']);
    serve.kill('SIGTERM');
    await serve.ended();

    expect(passed.code, passed.stdout + passed.stderr).toBe(0);
    const { json, ...texts } = reports.read();
    const files = [JSON.stringify(json), ...Object.values(texts)];
    for (const text of files) expect(text).toContain('secrets');
    const printed = [passed, serve].flatMap(({ stdout, stderr }) => [stdout, stderr]);
    expect(leaksIn([...printed, ...files].join('\n'), [...secrets, admin])).toEqual([]);
  });
});
