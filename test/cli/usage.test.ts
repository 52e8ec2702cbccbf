import { describe, expect, test } from 'vitest';
import { mergeFlags } from '../../src/cli/bench/merge-flags.js';
import { benchFlags } from '../../src/cli/bench/options.js';
import { compareOptions } from '../../src/options/bench.js';
import { emitOptions } from '../../src/options/emit.js';
import { kickOptions } from '../../src/options/kick.js';
import { listenOptions, whoOptions } from '../../src/options/listen.js';
import { serveOptions } from '../../src/options/serve-flags.js';
import { envOf, flagOf, type OptionSpec } from '../../src/options/spec.js';
import { verifyOptions } from '../../src/options/verify.js';
import { runWith } from '../support/run-in-process.js';

const TABLES = {
  serve: serveOptions,
  emit: emitOptions,
  listen: listenOptions,
  who: whoOptions,
  kick: kickOptions,
  bench: benchFlags,
  compare: compareOptions,
  merge: mergeFlags,
  verify: verifyOptions,
};

const NO_STACK = /^(?!.*\bat .*:\d+:\d+)/s;

describe('a typo', () => {
  const flags = Object.entries(TABLES).flatMap(([command, table]) =>
    Object.keys(table).map((key) => [command, key] as const),
  );
  test.each(flags)('in a flag of %s (%s) is exit 2, and the right one is suggested', async (command, key) => {
    const right = `--${flagOf(key)}`;
    const wrong = `${right}x`;
    const { code, stdout, stderr } = await runWith([command, wrong, '1']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`unknown option '${wrong}'`);
    expect(stderr).toContain(`Did you mean ${right}?`);
    expect(stderr).toMatch(NO_STACK);
  });

  test.each([
    ['serve', '--admin-tokn=sesame', '--admin-token'],
    ['serve', '-admin-token=sesame', '--admin-token'],
    ['serve', "--jwt-secrt='sesame'\nsesame", '--jwt-secret'],
    ['token', '--secrt=sesame=sesame', '--secret'],
    ['bench', '--jwt-secert=sesame', '--jwt-secret'],
  ])(
    'in a flag of %s with a value (%j) shows the flag, what it should be, and no value',
    async (command, typo, right) => {
      const { code, stderr } = await runWith([command, typo]);
      expect(code).toBe(2);
      expect(stderr).toContain(`unknown option '${typo.split('=', 1)[0]}'\n(Did you mean ${right}?)\n`);
      expect(stderr).not.toContain('sesame');
    },
  );

  test.each([
    ['a value for a switch', ['serve', '--json=sesame'], "option '--json' takes no value\n"],
    ['an option before the command', ['--admin-token=sesame', 'serve'], "unknown option '--admin-token'\n"],
  ])('that is %s is told without the value', async (_, args, message) => {
    const { code, stderr } = await runWith(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('sesame');
  });

  test.each([[['serv']], [['serv', '--help']], [['serv', '-h']]])(
    'in a command is exit 2, and the right one is suggested: %j',
    async (args) => {
      const { code, stdout, stderr } = await runWith(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/unknown command 'serv'[\s\S]*serve/);
    },
  );
});

describe('wrong usage is exit 2, with the flag, what was expected and what it got', () => {
  const wrong: [string[], ...(string | RegExp)[]][] = [
    [['serve', '--port', 'banana'], 'Expected --port to be a whole number from 0 to 65535, got "banana"'],
    [['serve', '-p', '65536'], '--port', '"65536"'],
    [['serve', '--port', ''], '--port', 'got ""'],
    [['serve', '--max-connections', '-1'], 'Expected --max-connections to be a whole number', '"-1"'],
    [['serve', '--max-connections', '1.5'], '--max-connections', '"1.5"'],
    [['serve', '--max-connections-per-namespace', 'x'], '--max-connections-per-namespace', '"x"'],
    [
      ['serve', '--heartbeat-interval', '5'],
      'Expected --heartbeat-interval to be a duration such as 500ms, 10s or 2m, got "5"',
    ],
    [['serve', '--heartbeat-timeout', '-5s'], '--heartbeat-timeout', '"-5s"'],
    [['serve', '--shutdown-timeout', '30d'], '--shutdown-timeout', '"30d"'],
    [['serve', '--path', 'datafn'], 'Expected --path to be a path such as /datafn/ws, got "datafn"'],
    [['serve', '--auth', 'ldap'], 'Expected --auth to be dev, tokens, jwt or module', '"ldap"'],
    [['serve', '--log-level', 'loud'], 'Expected --log-level to be debug, info', '"loud"'],
    [['serve', '--log-format', 'xml'], 'Expected --log-format to be pretty or json', '"xml"'],
    [['serve', '--anonymous-namespace', 'a\nb'], '--anonymous-namespace', 'control characters'],
    [
      ['serve', '--max-message-size', '0B'],
      'Expected --max-message-size to be a size of at least 1B',
      '"0B"',
    ],
    [['serve', '--host', ''], '--host'],
    [['serve', '--host', '0.0.0.0'], '--admin-token', '127.0.0.1'],
    [['serve', '--host', '0.0.0.0', '--admin-token', 'a-token-for-tests'], '--auth'],
    [
      ['serve', '--host', '0.0.0.0', '--admin-token', 'x', '--auth', 'jwt', '--jwt-secret', 's'.repeat(32)],
      'Listening on 0.0.0.0 exposes the HTTP API to the network, so --admin-token (`adminToken` in a config file) must have at least 16 bytes, got 1',
    ],
    [['serve', '--port'], "option '-p, --port <PORT>' argument missing"],
    [['serve', 'extra'], "too many arguments for 'serve': expected 0, got 1\n"],
    [['serve', '--demo', 'yes'], 'got 1 (--demo takes no value)'],
    [['emit', '1', '-n', 'a', '--reset', 'a'], 'got 2 (--reset takes no value)'],
    [['serve', '--host', '::1', 'yes'], 'got 1\n'],
    [['emit', '42'], 'Missing --namespace', '-n user:alice'],
    [['emit', '-n', 'a'], 'Missing cursor. Pass a cursor, a range (--from and --to) or --file.'],
    [
      ['emit', '42', '--from', '1', '--to', '2', '-n', 'a'],
      'Pass only one of a cursor, a range (--from and --to) or --file, got a cursor and a range.',
    ],
    [['emit', '42', '--file', 'x'], 'or --file, got a cursor and --file.'],
    [['emit', '', '-n', 'a'], 'Expected the cursor to be a non-empty string'],
    [['emit', 'c'.repeat(257), '-n', 'a'], 'Expected the cursor to be at most 256 characters, got 257'],
    [['emit', '42', '-n', ''], 'Expected --namespace to be a non-empty string, got an empty one'],
    [['emit', '42', '-n', 'caf\ufffd'], 'Expected --namespace to be UTF-8, got invalid bytes'],
    [['emit', 'caf\ufffd', '-n', 'a'], 'Expected the cursor to be UTF-8, got invalid bytes'],
    [
      ['emit', '1', '-n', 'a', '--url', 'http://user:pw@x'],
      'Expected --url to be a URL without user and password',
      'got "http://…@x"',
    ],
    [['emit', '--from', '1', '-n', 'a'], '--from needs --to: add --to N'],
    [['emit', '--from', '3', '--to', '1', '-n', 'a'], 'Expected --from to be at most --to, got 3 and 1'],
    [['emit', '--from', 'x', '--to', '1', '-n', 'a'], 'Expected --from to be a whole number', '"x"'],
    [['emit', '1', '-n', 'a', '--rate', '10'], 'Expected --rate to be a rate such as 50/s', '"10"'],
    [['emit', '1', '-n', 'a', '--rate', '0/s'], '--rate', '"0/s"'],
    [['emit', '1', '-n', 'a', '--url', 'ftp://x'], 'Expected --url to be a URL such as http:', '"ftp://x"'],
    [['emit', '1', '-n', 'a', '--url', '127.0.0.1:3001'], 'Expected --url', '"127.0.0.1:3001"'],
    [
      ['emit', '--file', 'no/such/file'],
      'Cannot read --file: /',
      'no/such/file does not exist. Check the path',
    ],
    [['emit', '--file', '/'], 'Cannot read --file: it is a', 'folder'],
    [['emit', '--file', 'x', '-n', 'a'], '--namespace does not work with --file'],
    [['emit', '1', '2', '-n', 'a'], 'too many arguments'],
    [
      ['emit', '1', '-n', 'a', '--rate', '0.00001/h'],
      'Expected --rate to be a rate of at least one in 24 days',
    ],
    [['bench', ''], 'Expected a scenario to be ', 'or the path of a file, got an empty name'],
    [['bench', '--seed', '9'.repeat(20)], 'Expected --seed to be a whole number from 0 to 9007199254740991'],
    [['bench', '--admin-token', 'T', '--insecure'], '--admin-token needs --url: add it', '--insecure'],
    [['bench', '--jwt-claims', '{"sub":"a"}'], '--jwt-claims needs --jwt-secret: add it'],
    [
      ['bench', '--jwt-secret', 'x'],
      '--jwt-secret needs --url or --server-command: add one, or remove --jwt-secret',
    ],
    [['bench', '--token-template', '{i}'], '--token-template needs --url or --server-command'],
    [['bench', 'find', '--tokens-file', 'x'], '--tokens-file needs --url or --server-command'],
    [
      ['bench', 'find', '--from', '5/s'],
      'Expected --from to be a number of clients, got 5/s: --of is clients',
    ],
    [['bench', 'find', '--from', '10', '--to', '5'], 'Expected --to to be at least --from, 10, got 5'],
    [['bench', 'find', '--to', '5', '--at-least', '9'], 'Expected --to to be at least --at-least, 9, got 5'],
    [['bench', 'find', '--from', '0'], 'Expected --from to be a whole number of at least 1, such as 2000'],
    [['bench', 'find', '--precision', '99%'], 'Expected --precision to be a share from 0.1% to 50%'],
    [['bench', 'find', '--precision', '5'], 'Expected --precision to be a share from 0.1% to 50%'],
    [['bench', '--emit-url', 'http://a.test/{cursor}'], '--emit-url needs --url: add the WebSocket URL'],
    [
      ['bench', '--url', 'ws://a.test', '--emit-url', 'http://a.test/', '--emit-body', '{namespace}'],
      'Missing {cursor}: put it into --emit-url or --emit-body',
    ],
    [['emit', '--file', 'x', '--principal', 'a'], '--principal does not work with --file: each line'],
    [['bench', '--emit-body', '{cursor}'], '--emit-body needs --emit-url: add it'],
    [['bench', '--emit-method', 'CONNECT'], 'Expected --emit-method to be POST, PUT, PATCH, DELETE or GET'],
    [['bench', '--emit-header', 'a: b\r\nc: d'], 'Expected --emit-header to be a header such as'],
    [['bench', '--emit-header', 'a b: c'], 'Expected --emit-header to be a header such as'],
    [['bench', '--emit-header', 'a: \u4e2d'], 'Expected --emit-header to be a header such as'],
    [['bench', '--emit-header', 'Content-Length: 3'], 'a header other than content-length'],
    [['help', 'nope'], "unknown command 'nope'"],
    [['help', 'benhc'], 'Did you mean `bench`?'],
  ];
  test.each(wrong)('%j', async (args, ...parts) => {
    const { code, stdout, stderr } = await runWith(args);
    expect([code, stdout]).toEqual([2, '']);
    for (const part of parts)
      expect(stderr).toMatch(typeof part === 'string' ? new RegExp(escaped(part)) : part);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toMatch(/^error: .*[^.]\.$/m);
    expect(stderr).toMatch(NO_STACK);
  });

  test.each([
    ['serve', 'se cret'],
    ['serve', ''],
    ['emit', 'se cret'],
    ['emit', 'sécret'],
    ['emit', 'secret\nX-Header: 1'],
    ['emit', ''],
  ])('an admin token of %s that no header can carry (%j) is never shown', async (command, token) => {
    const more = command === 'emit' ? ['1', '-n', 'a', '--url', 'http://127.0.0.1:9'] : [];
    for (const given of [
      await runWith([command, ...more, '--admin-token', token]),
      token === '' ? undefined : await runWith([command, ...more], { DATAFN_WS_ADMIN_TOKEN: token }),
    ]) {
      if (given === undefined) continue;
      expect([given.code, given.stdout]).toEqual([2, '']);
      expect(given.stderr).toMatch(/Expected (--admin-token|DATAFN_WS_ADMIN_TOKEN) to be /);
      if (token !== '') expect(given.stderr).not.toContain(token);
    }
  });

  const texts = Object.entries(TABLES).flatMap(([command, table]) =>
    Object.entries<OptionSpec<unknown>>(table)
      .filter(([, { placeholder }]) => placeholder !== '')
      .map(([key]) => [command, key] as const),
  );
  test.each(texts)('%s with an empty %s', async (command, key) => {
    const files = command === 'compare' ? ['base.json', 'new.json'] : [];
    const { code, stdout, stderr } = await runWith([command, ...files, `--${flagOf(key)}`, '']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^error: Expected --${flagOf(key)} to be .*, got \\S`));
    expect(stderr).toMatch(NO_STACK);
  });

  test('all that is wrong is told at once', async () => {
    const { stderr } = await runWith(['serve', '--port', 'x', '--host', '', '--log-level', 'y']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringContaining('--port'),
      expect.stringContaining('--host'),
      expect.stringContaining('--log-level'),
    ]);
  });

  test.each([
    [['serve', '--port', '\u001b[2J\u009b']],
    [['serve', '--\u001b[2J\u009b']],
    [['\u001b[2J\u009b']],
    [['bench', '\u001b[2J\u009b']],
  ])('%j: a value with escapes is shown, not obeyed', async (args) => {
    const { code, stderr } = await runWith(args);
    expect(code).toBe(2);
    expect(stderr).toContain('[2J');
    for (const control of ['\u001b', '\u009b']) expect(stderr).not.toContain(control);
  });

  test('a flag that would be in vain is refused, a variable of the environment is not', async () => {
    const env = {
      DATAFN_WS_ADMIN_TOKEN: 'T',
      DATAFN_WS_ADMIN_URL: 'http://127.0.0.1:1',
      DATAFN_WS_INSECURE: '1',
    };
    // What is wrong here is another flag.
    const { stderr } = await runWith(['bench', '--jwt-claims', '{"sub":"a"}'], env);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringContaining('--jwt-claims needs --jwt-secret'),
    ]);
  });
});

describe('environment variables', () => {
  const serveEnv = Object.entries(serveOptions).filter(([, option]) => option.fromEnv);
  const bad: Record<string, string> = {
    host: ' ',
    path: 'x',
    anonymousNamespace: 'a\nb',
    adminToken: 'a b',
    jwtIssuer: 'a\nb',
    jwtAudience: 'a\nb',
    jwtActorClaim: 'a\nb',
    jwtPrincipalsClaim: 'a\nb',
    clusterPrefix: '{',
  };
  // Any text names a host or a file; what becomes of one that is not there is proved elsewhere.
  const checked = serveEnv.filter(([key, option]) => key !== 'host' && !option.isFile);
  test.each(checked.map(([key]) => key))(
    'the one of %s is read, and a wrong value names the variable',
    async (key) => {
      const { code, stderr } = await runWith(['serve'], { [envOf(key)]: bad[key] ?? '?' });
      expect(code).toBe(2);
      expect(stderr).toContain(`Expected ${envOf(key)} to be `);
    },
  );

  test('the one of the host is read', async () => {
    const { code, stderr } = await runWith(['serve'], { DATAFN_WS_HOST: '0.0.0.0' });
    expect(code).toBe(2);
    expect(stderr).toContain('0.0.0.0');
  });

  test('a flag goes before its variable, and the variable is not even looked at', async () => {
    const { stderr } = await runWith(['serve', '--port', 'flag'], { DATAFN_WS_PORT: 'env' });
    expect(stderr).toContain('Expected --port to be');
    expect(stderr).not.toContain('DATAFN_WS_PORT');
  });

  test('one that is mistyped is warned of by its name, with the right one and without its value', async () => {
    const { code, stdout, stderr } = await runWith(['serve', '--check', '--json'], {
      DATAFN_WS_ADMIN_TOKN: 'open-sesame',
      'DATAFN_WS_\u001b[2J': '1',
      // Of bench, and of nobody.
      DATAFN_WS_EMIT_URL: 'http://127.0.0.1:9',
      OTHER_PORT: '1',
    });
    expect([code, stdout.split('\n').length]).toEqual([0, 2]);
    expect(stderr).toBe(
      'warning: unknown environment variable DATAFN_WS_ADMIN_TOKN. Did you mean DATAFN_WS_ADMIN_TOKEN?\n' +
        'warning: unknown environment variable DATAFN_WS_\\u001b[2J\n',
    );
  });

  test.each(Object.entries(TABLES))('none of %s is warned of', async (_, table) => {
    const env = Object.entries<OptionSpec<unknown>>(table)
      .filter(([key, { fromEnv }]) => fromEnv && key !== 'config')
      .map(([key]) => [envOf(key), '?']);
    const { stderr } = await runWith(['serve', '--port', 'x'], Object.fromEntries(env));
    expect(stderr).toContain('Expected --port');
    expect(stderr).not.toContain('warning');
  });

  test('an empty one counts as none', async () => {
    const { stderr } = await runWith(['serve', '--log-level', 'x'], { DATAFN_WS_PORT: '' });
    expect(stderr).not.toContain('PORT');
  });
});

describe('help and version', () => {
  test.each([['--version'], ['-V'], ['serve', '--version'], ['emit', '1', '-n', 'a', '-V']])(
    '%s %s … prints the version of the package',
    async (...args) => {
      expect(await runWith(args)).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
        stderr: '',
      });
    },
  );

  test.each([
    ['emit', '1', '-n', 'a', '--url', 'http://127.0.0.1:9', '--admin-token', '-V-is-how-it-begins'],
    ['emit', '1', '--url', 'http://127.0.0.1:9', '--admin-token', 'secret', '-n', '--version'],
    ['who', '--url', 'http://127.0.0.1:9', '--admin-token', '-h-is-how-it-begins'],
    ['compare', '--fail-on', '-V', 'missing.json', 'missing.json'],
  ])('%s takes a value that looks like one of the two for a value', async (...args) => {
    const { code, stdout } = await runWith(args);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });

  test.each([
    ['serve', '--help-all', serveOptions],
    ['emit', '--help', emitOptions],
    ['listen', '--help', listenOptions],
    ['who', '--help', whoOptions],
    ['kick', '--help', kickOptions],
    ['bench', '--help-all', benchFlags],
  ] as const)(
    '%s %s names every flag once, tells of the environment, and exits 0',
    async (command, flag, table) => {
      const { code, stdout, stderr } = await runWith([command, flag]);
      expect([code, stderr]).toEqual([0, '']);
      for (const key of Object.keys(table)) {
        const lines = stdout
          .split('\n')
          .filter((line) => new RegExp(`^ +(-\\w, )?--${flagOf(key)}( |$)`).test(line));
        expect(lines, key).toHaveLength(1);
      }
      expect(stdout).toContain('DATAFN_WS_');
    },
  );

  test.each([
    ['serve', serveOptions],
    ['bench', benchFlags],
  ] as const)(
    '%s --help shows the options that matter first, and says where the others are',
    async (command, table) => {
      const { code, stdout } = await runWith([command, '--help']);
      expect(code).toBe(0);
      const options = Object.entries<OptionSpec<unknown>>(table);
      for (const [key, { group }] of options)
        expect(new RegExp(`^ +(-\\w, )?--${flagOf(key)}( |$)`, 'm').test(stdout), key).toBe(
          group === undefined,
        );
      expect(options.filter(([, { group }]) => group === undefined).length).toBeLessThanOrEqual(11);
      for (const [, { group }] of options)
        if (group !== undefined)
          expect(stdout.toLowerCase().replace(/\s+/g, ' ')).toContain(group.toLowerCase());
      expect(stdout).toContain('--help-all');
    },
  );

  test('a 0 that turns something off is shown as what it does', async () => {
    const { stdout } = await runWith(['serve', '--help-all']);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).not.toMatch(/default: 0/);
    expect(text).toMatch(/--hello-timeout <DURATION> [^<]*\(default: off\)/);
    expect(text).toMatch(/--drain <DURATION> [^<]*\(default: at once\)/);
  });

  test.each([
    ['serve', '--port', '1'],
    ['serve', '--bogus'],
  ])('--help-all is shown whatever else there is: %s %s', async (...args) => {
    const { code, stdout } = await runWith([...args, '--help-all']);
    expect([code, stdout]).toEqual([0, (await runWith(['serve', '--help-all'])).stdout]);
  });

  test.each([
    '',
    'serve',
    'emit',
    'listen',
    'who',
    'kick',
    'bench',
    'verify',
    'compare',
    'merge',
    'token',
    'completion',
  ])('the help of "%s" at 80 columns', async (command) => {
    const { stdout } = await runWith([command, '--help'].filter((word) => word !== ''));
    const long = stdout.split('\n').filter((line) => line.length > 80 && !/^ {2}(#|npx)/.test(line));
    expect(long).toEqual([]);
    await expect(stdout).toMatchFileSnapshot(`help/${command || 'datafn-ws'}.txt`);
  });

  const secrets = Object.values(TABLES).flatMap((table) =>
    Object.entries<OptionSpec<unknown>>(table).filter(
      ([key, { isSecret }]) => isSecret && /(Token|Secret)$/.test(key),
    ),
  );
  test.each(secrets)(
    'a secret, %s, should come from the environment, and the help says so',
    (_, { help }) => {
      expect(help).toMatch(/prefer (the environment variable|DATAFN_WS_)/i);
    },
  );

  test('help shows what there is, and help COMMAND what that takes', async () => {
    const all = await runWith(['help']);
    expect([all.code, all.stdout]).toEqual([0, (await runWith(['--help'])).stdout]);
    const one = await runWith(['help', 'emit']);
    expect([one.code, one.stdout]).toEqual([0, (await runWith(['emit', '--help'])).stdout]);
  });

  test('no command at all is exit 2, and shows what there is', async () => {
    const { code, stderr } = await runWith([]);
    expect(code).toBe(2);
    for (const command of ['serve', 'emit', 'bench']) expect(stderr).toContain(command);
  });
});

describe('colours', () => {
  const isColored = async (env: Record<string, string>, isTTY: boolean) =>
    (await runWith(['serve', '--port', 'x'], env, isTTY)).stderr.includes('\u001b[');

  test.each<[string, Record<string, string>, boolean, boolean]>([
    ['a terminal', {}, true, true],
    ['a pipe', {}, false, false],
    ['a terminal with NO_COLOR', { NO_COLOR: '1' }, true, false],
    ['a terminal with an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['a terminal that is dumb', { TERM: 'dumb' }, true, false],
    ['a pipe with FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
    ['a pipe with an empty FORCE_COLOR', { FORCE_COLOR: '' }, false, true],
    ['a terminal with FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
    ['a pipe with both', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ])('on %s', async (_, env, isTTY, expected) => {
    expect(await isColored(env, isTTY)).toBe(expected);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
