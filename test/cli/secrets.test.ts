import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { leaksIn } from '../support/leaks.js';
import { runWith } from '../support/run-in-process.js';
import { disposeSecrets, written } from '../support/secret-cases.js';

afterAll(disposeSecrets);

test('the checks and the errors of every command keep secrets to themselves', async () => {
  const [short, long] = [randomBytes(6).toString('base64url'), randomBytes(60).toString('base64url')];
  const file = written('bad.yaml', `${short}: a\n${long}: [b]\n${long}: {`);
  const config = written('datafn-ws.yaml', `adminToken: ${long}\nauth: jwt\njwtSecret: ${long}\n`);
  const badConfig = written('bad-config.yaml', `adminToken: [${long}]\njwtSecret: ${short}\n${long}: 1\n`);
  const runs = await Promise.all([
    runWith(['serve', '--check', '--config', config]),
    runWith(['serve', '--check', '--json', '--config', config]),
    runWith(['serve', '--config', badConfig]),
    runWith(['serve', '--auth', 'tokens', '--tokens', file]),
    runWith(['serve', '--auth', 'jwt', '--jwt-secret', short]),
    runWith(['serve', '--auth', 'jwt', '--jwt-secret', long, '--jwt-secret-file', file]),
    runWith(['serve', '--auth', 'jwt', '--jwt-public-key', file]),
    runWith(['token', '--secret', short]),
    runWith(['token', '--secret', long, '--claims', 'no JSON']),
    runWith(['bench', '--url', 'ws://127.0.0.1:9', '--tokens-file', file]),
    runWith([
      'bench',
      '--url',
      'ws://127.0.0.1:9',
      '--emit-url',
      'http://127.0.0.1:9/{cursor}',
      '--emit-header',
      `authorization ${long}`,
    ]),
    runWith(['emit', '1', '-n', 'a', '--url', 'http://127.0.0.1:9', '--admin-token', long]),
    runWith(['serve', `--admin-tokn=${long}`]),
    runWith(['token', `--secrt=${long}`]),
    runWith(['token', '--secret', long, '--claims', `{"sub":${long}`]),
    runWith(['bench', '--jwt-claims', `{"sub":"{${long.slice(0, 9)}}${long}"`]),
    runWith(['serve', '--auth', 'jwt', '--jwt-jwks-url', `https://user:${long}@h/j`]),
    runWith(['serve', '--config', written('keys.yaml', `jwtJwksUrl: https://user:${long}@h/j\n`)]),
    runWith(['serve', '--check', '--auth', 'jwt', '--jwt-jwks-url', `https://h/j?apikey=${long}`]),
    runWith(['serve', '--check', '--json', '--auth', 'jwt', '--jwt-jwks-url', `https://h/j?${long}`]),
    runWith(['emit', '1', '-n', 'a', '--url', `http://127.0.0.1:9/?x=${long}`]),
    runWith(['emit', '1', '-n', 'a', '--url', `http://127.0.0.1:9/#${long}`]),
  ]);
  expect(runs.map(({ code }) => code)).toEqual([
    ...[0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3],
    ...[2, 2, 2, 2, 2, 2, 0, 0, 2, 2],
  ]);
  // A name that is mistyped is shown; here it happens to be a secret, which is nobody's fault but the writer's.
  const printed = runs.map(({ stdout, stderr }) => stdout + stderr.replace(/unknown option `[^`]*`/g, ''));
  expect(leaksIn(printed.join('\n'), [short, long])).toEqual([]);
});
