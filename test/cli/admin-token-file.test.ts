import { describe, expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const files = temporaryFolder('admin-token');
const check = (...flags: string[]) => runWith(['serve', '--check', ...flags]);

describe('serve --admin-token-file', () => {
  test.each(['sesame-0123456789', 'sesame-0123456789\n', 'sesame-0123456789\r\n'])(
    'takes the token of %j, as --admin-token does',
    async (text) => {
      const file = files.file('good', text);
      const { code, stdout } = await check('--admin-token-file', file, '--metrics-listen', '0.0.0.0:9464');
      expect(code).toBe(0);
      expect(stdout).toContain(`adminTokenFile: ${file}`);
      expect(stdout).not.toContain('sesame');
    },
  );

  test.each<[string, string, RegExp]>([
    ['is empty', '', /to hold a non-empty token of ASCII characters without spaces, got/],
    [
      'has a blank in it',
      'open sesame\n',
      /to hold a non-empty token of ASCII characters without spaces, got/,
    ],
    ['is not UTF-8', '\xff', /to hold|to be UTF-8/],
  ])('one that %s is exit 2, and is not shown', async (_, text, message) => {
    const { code, stdout, stderr } = await check('--admin-token-file', files.file('bad', text));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('--admin-token-file');
    expect(stderr).not.toContain('sesame');
  });

  test('one that is not there is exit 2', async () => {
    const { code, stderr } = await check('--admin-token-file', '/no/such');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*\/no\/such/);
    expect(stderr).toContain('--admin-token-file');
  });

  test('a token and a file are one too many', async () => {
    const { code, stderr } = await check('--admin-token-file', files.file('good', 'a'), '--admin-token', 'b');
    expect([code, stderr]).toEqual([
      2,
      'error: Expected one admin token, got --admin-token and --admin-token-file: drop one\n',
    ]);
  });

  test('the token of the file is long enough for the network, or the server does not start', async () => {
    const { code, stderr } = await check(
      ...['--admin-token-file', files.file('short', 'short'), '--metrics-listen', '0.0.0.0:9464'],
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining('--admin-token')]);
    expect(stderr).toContain('at least 16');
  });
});

test('serve --metrics-listen on an address of another machine is refused with the flag', async () => {
  const { code, stderr } = await check(
    '--metrics-listen',
    '203.0.113.1:9464',
    '--admin-token',
    'x'.repeat(16),
  );
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/^error: 203\.0\.113\.1 is not an address of this machine: .*--metrics-listen/),
  ]);
});
