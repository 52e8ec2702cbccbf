import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/options/config-file.js';
import { count, duration, file, list, text, toggle } from '../../src/options/kinds.js';
import { traceOptions } from '../../src/options/spec.js';

const table = {
  port: count({ max: 65_535, help: '', default: 3001 }),
  heartbeat: duration({ help: '', default: 30_000, defaultText: '30s' }),
  token: text({
    help: '',
    default: undefined as string | undefined,
    isSecret: true,
    check: (value) => (value.includes(' ') ? 'without blanks' : undefined),
  }),
  origin: list({ help: '' }),
  loud: toggle({ help: '' }),
  certificate: file({ help: '' }),
  check: toggle({ help: '', fromConfig: false }),
};

const config = (yaml: string) => parseConfig(table, yaml, { source: 'my.yaml', folder: '/etc/datafn' });
const resolved = (yaml: string, flags = {}, env = {}) =>
  traceOptions(table, { flags, env, config: config(yaml) });

/** The lines of the error that a config file gives. */
function problems(yaml: string): string[] {
  try {
    resolved(yaml);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('a config file', () => {
  test('gives values as the flags take them, from YAML and from JSON alike', () => {
    const values = { port: 80, heartbeat: 5000, token: 't', origin: ['a', 'b'], loud: true };
    expect(
      resolved('port: 80\nheartbeat: 5s\ntoken: t\norigin:\n  - a\n  - b\nloud: true\n').values,
    ).toMatchObject(values);
    expect(
      resolved('{"port":80,"heartbeat":"5s","token":"t","origin":["a","b"],"loud":true}').values,
    ).toMatchObject(values);
  });

  test('that is empty, or all comment, gives nothing', () => {
    for (const yaml of ['', '\n', '# nothing\n', '{}'])
      expect(resolved(yaml).values, yaml).toMatchObject({ port: 3001, heartbeat: 30_000, origin: [] });
  });

  test('means a text as it is spelled, whatever number YAML would read in it', () => {
    for (const spelled of ['0123', '1e3', '0x10', '1.0', 'true', '1_000']) {
      expect(resolved(`token: ${spelled}`).values.token).toBe(spelled);
      expect(resolved(`token: "${spelled}"`).values.token).toBe(spelled);
    }
  });

  test('may give one value for an option that repeats', () => {
    expect(resolved('origin: a').values.origin).toEqual(['a']);
  });

  test('may use an anchor and its alias', () => {
    expect(resolved('token: &x secret\norigin: [*x, b]').values).toMatchObject({
      token: 'secret',
      origin: ['secret', 'b'],
    });
  });

  test('names files from the folder that it is in', () => {
    expect(resolved('certificate: tls/cert.pem').values.certificate).toBe('/etc/datafn/tls/cert.pem');
    expect(resolved('certificate: /abs.pem').values.certificate).toBe('/abs.pem');
    expect(resolved('', { certificate: 'cert.pem' }).values.certificate).toBe('cert.pem');
  });
});

describe('precedence', () => {
  test('is flag, environment, config file, default, and the origin of each value is known', () => {
    const yaml = 'port: 3\nheartbeat: 3s\ntoken: three\n';
    const { values, origins } = resolved(
      yaml,
      { port: '1' },
      { DATAFN_WS_PORT: '2', DATAFN_WS_HEARTBEAT: '2s' },
    );
    expect(values).toMatchObject({ port: 1, heartbeat: 2000, token: 'three', loud: false });
    expect([origins.port, origins.heartbeat, origins.token, origins.loud].map(({ from }) => from)).toEqual([
      '--port',
      'DATAFN_WS_HEARTBEAT',
      'my.yaml:3:1',
      'default',
    ]);
  });

  test('leaves a wrong value of the file alone where a flag has a right one', () => {
    expect(resolved('port: x', { port: '1' }).values.port).toBe(1);
  });

  test('an empty variable counts as none, and the file is asked', () => {
    expect(resolved('port: 3', {}, { DATAFN_WS_PORT: '' }).values.port).toBe(3);
  });
});

describe('what is wrong with a config file', () => {
  test('is told all at once, in the order of the lines, with line, column and the nearest name', () => {
    expect(
      problems('# comment\nport: banana\n  \nhartbeat: 3s\nheartbeat: 3\norigin: {a: b}\nloud: maybe\n'),
    ).toEqual([
      'my.yaml:2:1: port: expected a whole number from 0 to 65535, got "banana"',
      'my.yaml:4:1: unknown option `hartbeat`. Did you mean `heartbeat`?',
      'my.yaml:5:1: heartbeat: expected a duration such as 500ms, 10s or 2m, got "3"',
      'my.yaml:6:1: origin: expected a value, got an object',
      'my.yaml:7:1: loud: expected true or false, got "maybe"',
    ]);
  });

  test('comes after what is wrong with flags, in the same error', () => {
    expect(() => resolved('port: x', { heartbeat: 'y' })).toThrow(
      /^Expected --heartbeat to be .*\nmy\.yaml:1:1: port: expected .*$/,
    );
  });

  test.each([
    ['port: 1\nport: 2', 'my.yaml:2:1: duplicate key'],
    ['port: [1, 2]', 'my.yaml:1:1: port: expected one value, got a list'],
    ['port: []', 'my.yaml:1:1: port: expected at least one value, got an empty list'],
    ['origin: []', 'my.yaml:1:1: origin: expected at least one value, got an empty list'],
    ['origin: [[a]]', 'my.yaml:1:1: origin: expected a value, got a list'],
    ['origin: &x [*x]', 'my.yaml:1:1: origin: expected a value, got a list'],
    ['port:', 'my.yaml:1:1: port: expected a value, got nothing'],
    ['port: ~', 'my.yaml:1:1: port: expected a value, got nothing'],
    ['certificate: ""', 'my.yaml:1:1: certificate: expected a file name, got ""'],
    ['check: true', 'my.yaml:1:1: unknown option `check`.'],
    ['constructor: 1', 'my.yaml:1:1: unknown option `constructor`.'],
    ['heart-beat: 1s', 'my.yaml:1:1: unknown option `heart-beat`. Did you mean `heartbeat`?'],
    ['- port', 'my.yaml:1:1: expected options, such as port: 3001, got a list'],
    ['port', 'my.yaml:1:1: expected options, such as port: 3001, got a single value'],
    ['port: 1\n---\nport: 2', /^my\.yaml:2:1: .*expected one document/],
    ['? { token: a }', 'my.yaml:1:3: expected the name of an option, got an object'],
    ['? [port]\n: 1', 'my.yaml:1:3: expected the name of an option, got a list'],
    [
      'port: *there',
      'my.yaml:1:1: port: expected a value, got an unknown alias; quote a value that begins with *',
    ],
    ['port: {', /^my\.yaml:1:\d+: /],
    ['port: 1\n\tloud: true', /^my\.yaml:\d:\d+: /],
  ])('%j is %s', (yaml, expected) => {
    const [first = ''] = problems(yaml);
    if (typeof expected === 'string') expect(first).toBe(expected);
    else expect(first).toMatch(expected);
  });

  test.each([
    'token: "s3cret x"',
    'token: !s3cret',
    'token: *s3cret',
    'token: @s3cret',
    'token: "\\s3cret"',
    '%s3cret',
    's3cret',
    'token: [s3cret',
    'token: s3cret: x',
  ])('never shows a secret: %s', (yaml) => {
    expect(problems(yaml)).not.toEqual([]);
    expect(problems(yaml).join('\n')).not.toContain('s3cret');
  });
});
