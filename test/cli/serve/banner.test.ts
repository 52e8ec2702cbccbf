import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { devExample, jwtExample } from '../../../src/cli/serve/auth.js';
import { banner, type Example } from '../../../src/cli/serve/banner.js';
import { type ServeOptions, serveOptions } from '../../../src/options/serve-flags.js';
import { resolveOptions } from '../../../src/options/spec.js';

const DEFAULT = { wsUrl: 'ws://127.0.0.1:3001/datafn/ws', apiUrl: 'http://127.0.0.1:3001' };
const OTHER = { wsUrl: 'ws://127.0.0.1:4000/datafn/ws', apiUrl: 'http://127.0.0.1:4000' };
const SECRET = 's'.repeat(32);

const optionsOf = (flags: Record<string, string>): ServeOptions =>
  resolveOptions(serveOptions, { flags, env: {} });
const commandsOf = (flags: Record<string, string>, example: Example, address = DEFAULT, trust = '') =>
  banner(address as never, optionsOf(flags), new Chalk({ level: 0 }), example, trust)
    .split('\n')
    .filter((line) => /npx datafn-ws|:$/.test(line))
    .map((line) => line.trim());

describe('the banner', () => {
  test('has commands that work on a server with defaults as they stand', () => {
    expect(commandsOf({}, devExample(undefined))).toEqual([
      'Listen as a client, in another terminal:',
      'npx datafn-ws listen -n user:alice',
      'Emit a cursor, in a third terminal:',
      'npx datafn-ws emit 42 -n user:alice',
    ]);
  });

  test('names the variable that a command reads, and does not pass it on the command line', () => {
    const options = { auth: 'jwt', jwtSecret: SECRET, adminToken: 'a-token-for-tests' };
    const commands = commandsOf(options, jwtExample(optionsOf(options)));
    expect(commands).toEqual([
      'Make a token for user:alice, with DATAFN_WS_JWT_SECRET set:',
      'npx datafn-ws token --claim sub=alice',
      'Listen as a client, in another terminal:',
      'npx datafn-ws listen --token JWT',
      'Emit a cursor, in a third terminal, with DATAFN_WS_ADMIN_TOKEN set:',
      'npx datafn-ws emit 42 -n user:alice',
    ]);
  });

  test('names the file of a secret, an address and a trust that are not the default', () => {
    const options = { auth: 'jwt', jwtSecretFile: 'my secret' };
    expect(commandsOf(options, jwtExample(optionsOf(options)), OTHER, '--ca cert.pem')).toEqual([
      'Make a token for user:alice:',
      "npx datafn-ws token --claim sub=alice --secret-file 'my secret'",
      'Listen as a client, in another terminal:',
      'npx datafn-ws listen --token JWT --url ws://127.0.0.1:4000/datafn/ws --ca cert.pem',
      'Emit a cursor, in a third terminal:',
      'npx datafn-ws emit 42 -n user:alice --url http://127.0.0.1:4000 --ca cert.pem',
    ]);
  });

  test('names the faults that are on from the start, and has a command that clears them', () => {
    const text = (flags: Record<string, string>, address = DEFAULT) =>
      banner(address as never, optionsOf(flags), new Chalk({ level: 0 }), devExample(undefined), '');
    expect(text({ faults: 'silent-nat' })).toContain(
      'Faults         silent-nat: A router forgets connections without a word',
    );
    expect(text({})).not.toMatch(/fault/i);
    const flags = { faults: 'deploy', adminToken: 'a-token-for-tests' };
    expect(commandsOf(flags, devExample(undefined), OTHER).slice(-2)).toEqual([
      'Clear the faults, with DATAFN_WS_ADMIN_TOKEN set:',
      'npx datafn-ws fault clear --url http://127.0.0.1:4000',
    ]);
  });

  test('opens the demo page with a token where a namespace is none', () => {
    const demo = (flags: Record<string, string>, example: Example) =>
      /Demo page +(\S+)/.exec(
        banner(DEFAULT as never, { ...optionsOf(flags), demo: true }, new Chalk({ level: 0 }), example, ''),
      )?.[1];
    const jwt = { auth: 'jwt', jwtSecret: SECRET };
    expect(demo(jwt, jwtExample(optionsOf(jwt)))).toBe(`${DEFAULT.apiUrl}/?token=JWT`);
    expect(demo({}, devExample(undefined))).toBe(`${DEFAULT.apiUrl}/`);
  });

  test('needs no token where clients without one are let in', () => {
    expect(commandsOf({ anonymousNamespace: 'all' }, devExample('all'))).toContain('npx datafn-ws listen');
  });
});
