import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { serveOptions } from '../../src/options/serve-flags.js';
import { runWith } from '../support/run-in-process.js';
import { selfSignedCertificate } from '../support/self-signed.js';

let folder: string;
const written = (text: string) => {
  const file = join(folder, 'datafn-ws.yaml');
  writeFileSync(file, text);
  return file;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'datafn-ws-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('serve --check', () => {
  test.each([
    ['auto', 0, ''],
    ['2', 0, ''],
    ['0', 2, 'expected a whole number from 1 to 64, or auto'],
    ['many', 2, 'expected a whole number from 1 to 64, or auto'],
  ])('takes a file with `workers: %s` with exit code %i', async (workers, expected, words) => {
    const file = written(`backend: none\nworkers: ${workers}\n`);
    const { code, stderr } = await runWith(['serve', '--check', '--config', file]);
    expect([code, stderr]).toEqual([expected, expect.stringContaining(words)]);
  });

  test('prints every option as YAML with where it is from, serves nothing and exits 0', async () => {
    const file = written('maxConnections: 500\nheartbeatInterval: 5s\nadminToken: s3cret-of-the-file\n');
    const { code, stdout, stderr } = await runWith(['serve', '--check', '--config', file, '-p', '0'], {
      DATAFN_WS_PATH: '/sync',
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toMatchObject({
      port: 0,
      path: '/sync',
      maxConnections: 500,
      heartbeatInterval: '5s',
      heartbeatTimeout: '10s',
      adminToken: '***',
    });
    expect(stdout).toMatch(/^port: 0 +# --port$/m);
    expect(stdout).toMatch(/^path: \/sync +# DATAFN_WS_PATH$/m);
    expect(stdout).toMatch(/^maxConnections: 500 +# \S+datafn-ws\.yaml:1:1$/m);
    expect(stdout).toMatch(/^heartbeatTimeout: 10s +# default$/m);
    expect(stdout).toMatch(/^drain: 0 +# default \(at once\)$/m);
    expect(stdout).toMatch(/^# anonymousNamespace +# not set$/m);
    for (const [key, option] of Object.entries(serveOptions))
      expect(new RegExp(`^(# )?${key}\\b`, 'm').test(stdout), key).toBe(option.fromConfig);
  });

  test('with --json prints one line of JSON', async () => {
    const { code, stdout } = await runWith(['serve', '--check', '--json', '--admin-token', 's3cret']);
    expect(code).toBe(0);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'checked',
      options: {
        port: { value: 3001, from: 'default' },
        anonymousNamespace: { value: null, from: 'default' },
        adminToken: { value: '***', from: '--admin-token' },
      },
    });
  });

  test.each([
    ['flag', ['--admin-token', 's3cret'], {}, ''],
    ['variable', [], { DATAFN_WS_ADMIN_TOKEN: 's3cret' }, ''],
    ['file', [], {}, 'adminToken: s3cret'],
  ])('shows no secret of a %s', async (_, flags, env, yaml) => {
    for (const json of [[], ['--json']]) {
      const { stdout, stderr } = await runWith(
        ['serve', '--check', ...json, ...flags, '--config', written(yaml)],
        env,
      );
      expect(stdout).toContain('***');
      expect(stdout + stderr).not.toContain('s3cret');
    }
  });

  test('finds what is not safe together, too', async () => {
    const { code, stdout, stderr } = await runWith([
      'serve',
      '--check',
      '--config',
      written('host: 0.0.0.0'),
    ]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('set --admin-token TOKEN');
  });
});

describe('serve --config', () => {
  test('that is wrong is exit 2, with all that is wrong in it and in the flags', async () => {
    const file = written('prot: 3001\nlogLevel: loud\n');
    const { code, stdout, stderr } = await runWith(['serve', '--config', file, '--path', 'x']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'error: Expected --path to be a path such as /datafn/ws, got "x"',
      `error: ${file}:1:1: unknown option \`prot\`. Did you mean \`port\`?`,
      `error: ${file}:2:1: logLevel: expected debug, info, warn, error or silent, got "loud"`,
    ]);
  });

  test.each([
    ['--config', ['--config', 'no/such/file'], {}],
    ['DATAFN_WS_CONFIG', [], { DATAFN_WS_CONFIG: 'no/such/file' }],
    ['--config', ['--config', '/'], { DATAFN_WS_CONFIG: 'no/such/file' }],
    ['--config', ['--config', ''], {}, 'Expected --config to be a file name, got ""'],
  ])(
    'that cannot be read is exit 2 and names %s',
    async (name, flags, env, words = `Cannot read ${name}: `) => {
      const { code, stderr } = await runWith(['serve', ...flags], env);
      expect(code).toBe(2);
      expect(stderr).toContain(words);
    },
  );
});

describe('serve --tls-cert and --tls-key', () => {
  const [one, two] = [selfSignedCertificate('localhost'), selfSignedCertificate('localhost')];
  const pem = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  test.each<[string, string[], string]>([
    ['alone', ['--tls-cert', 'cert'], '--tls-cert needs --tls-key: add'],
    ['alone', ['--tls-key', 'key'], '--tls-key needs --tls-cert: add'],
    ['that is not there', ['--tls-cert', 'none', '--tls-key', 'key'], 'Cannot read --tls-cert: /'],
    [
      'of another pair',
      ['--tls-cert', 'cert', '--tls-key', 'other'],
      'The TLS key does not match the certificate',
    ],
  ])('%s is exit 2, in one clear line: %j', async (_, flags, message) => {
    const files: Record<string, string> = {
      cert: pem('cert.pem', one.cert),
      key: pem('key.pem', one.key),
      other: pem('other.pem', two.key),
      none: join(folder, 'none.pem'),
    };
    const given = flags.map((flag) => files[flag] ?? flag);
    const { code, stdout, stderr } = await runWith(['serve', '--check', ...given]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(
      (await runWith(['serve', '--check', '--tls-cert', files.cert ?? '', '--tls-key', files.key ?? '']))
        .code,
    ).toBe(0);
  });

  test('from a config file are named by their place in it', async () => {
    const file = written('tlsCert: none.pem\ntlsKey: none.pem\n');
    const { code, stderr } = await runWith(['serve', '--check', '--config', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(`Cannot read --tls-cert (${file}:1:1): /`);
    expect(stderr).toContain(join(folder, 'none.pem'));
  });
});
