import { expect, test } from 'vitest';
import { replayFlags } from '../../../src/cli/bench/replay-flags.js';
import { benchOptions } from '../../../src/options/bench.js';
import { traceOptions } from '../../../src/options/spec.js';

const flagsOf = (flags: Record<string, string | string[] | boolean>, env: Record<string, string> = {}) =>
  replayFlags(traceOptions(benchOptions, { flags, env }));

test('everything that says what is tested and how is repeated, quoted for a shell', () => {
  expect(
    flagsOf({
      adminUrl: ['http://127.0.0.1:1', 'http://127.0.0.1:2'],
      jwtClaims: '{"sub":"it\'s {namespace}"}',
      insecure: true,
      workers: '3',
    }),
  ).toEqual([
    '--admin-url http://127.0.0.1:1',
    '--admin-url http://127.0.0.1:2',
    `--jwt-claims '{"sub":"it'\\''s {namespace}"}'`,
    '--insecure',
    '--workers 3',
  ]);
});

test('a secret is named by the variable that it may come from, and never shown', () => {
  const shown = flagsOf({
    adminToken: 'hush-token',
    jwtSecret: 'hush-secret-hush-secret-hush-secret',
    tokenTemplate: 'hush-{namespace}',
    emitUrl: 'http://127.0.0.1:1/{cursor}?key=hush',
    emitBody: '{"key":"hush"}',
    emitHeader: ['authorization: Bearer hush'],
  }).join(' ');
  expect(shown).not.toContain('hush');
  expect(shown).toContain('--admin-token "$DATAFN_WS_ADMIN_TOKEN"');
  expect(shown).toContain('--token-template "$DATAFN_WS_TOKEN_TEMPLATE"');
  expect(shown).toContain('--jwt-secret "$DATAFN_WS_JWT_SECRET"');
  expect(shown).toContain("--emit-header 'authorization: …'");
});

test('what came from the environment is repeated as a flag; reports and defaults are not', () => {
  expect(flagsOf({ json: 'out.json', repeat: '3' }, { DATAFN_WS_WORKERS: '2' })).toEqual(['--workers 2']);
});
