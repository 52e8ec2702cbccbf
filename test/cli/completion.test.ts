import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { serveOptions } from '../../src/options/serve-flags.js';
import { flagOf } from '../../src/options/spec.js';
import { runWith } from '../support/run-in-process.js';

const run = promisify(execFile);
const has = (shell: string) => spawnSync(shell, ['--version']).error === undefined;

async function scriptOf(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runWith(['completion', shell]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** What bash offers for the last of these words. */
async function offers(...words: string[]): Promise<string[]> {
  const complete = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _datafn_ws; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', [
    '--norc',
    '-c',
    `${await scriptOf('bash')}\n${complete}`,
    'bash',
    'datafn-ws',
    ...words,
  ]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  test('offers the commands, and what they begin with', async () => {
    expect(await offers('')).toEqual(
      expect.arrayContaining(['serve', 'emit', 'listen', 'who', 'completion']),
    );
    expect(await offers('li')).toEqual(['listen']);
  });

  test('offers every flag of a command, and of no other', async () => {
    const flags = await offers('serve', '--');
    for (const key of Object.keys(serveOptions)) expect(flags).toContain(`--${flagOf(key)}`);
    expect(flags).toContain('--help-all');
    expect(flags).not.toContain('--namespace');
  });

  test.each([
    [
      ['serve', '--auth', ''],
      ['dev', 'tokens', 'jwt', 'module'],
    ],
    [['serve', '--log-level', 'd'], ['debug']],
    [['listen', '--token-via', 'h'], ['header']],
    [['bench', 'sm'], ['smoke']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['help', 'w'], ['who']],
    [['serve', '--config', 'package.js'], ['package.json']],
    [['compare', 'package.js'], ['package.json']],
    // Anything may be a port; file names would only be in the way.
    [['serve', '--port', ''], []],
    [['serve', ''], []],
  ])('%j offers %j', async (words, expected) => {
    expect(await offers(...words)).toEqual(expected);
  });
});

test.skipIf(!has('fish'))('fish offers the values of a flag', async () => {
  const { stdout } = await run('fish', [
    '--no-config',
    '-c',
    `${await scriptOf('fish')}\ncomplete -C 'datafn-ws serve --auth '`,
  ]);
  expect(stdout.split('\n').map((line) => line.split('\t', 1)[0])).toEqual([
    'dev',
    'jwt',
    'module',
    'tokens',
    '',
  ]);
});

test.skipIf(!has('zsh'))('zsh takes the script', async () => {
  await run('zsh', ['-f', '-n', '-c', await scriptOf('zsh')]);
});

test.each(['bash', 'zsh', 'fish'])('the script for %s knows every command', async (shell) => {
  const script = await scriptOf(shell);
  for (const command of [
    'serve',
    'emit',
    'listen',
    'who',
    'bench',
    'verify',
    'compare',
    'token',
    'completion',
    'help',
  ])
    expect(script).toMatch(new RegExp(`\\b${command}\\b`));
});

test('another shell is exit 2, with those that there are', async () => {
  const { code, stdout, stderr } = await runWith(['completion', 'tcsh']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/expected shell to be bash, zsh or fish, got 'tcsh'/);
});
