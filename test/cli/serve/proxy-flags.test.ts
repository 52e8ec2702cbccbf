import { expect, test } from 'vitest';
import { runWith } from '../../support/run-in-process.js';

const PROXY = ['--proxy', 'http://127.0.0.1:4000'];

test.each([
  [['--probe'], '--probe needs --proxy URL: add it, or drop --probe'],
  [['--inspect-limit', '1MiB'], '--inspect-limit needs --proxy URL'],
  [[...PROXY, '--backend', 'memory'], '--backend memory (`backend`) cannot be used with --proxy'],
  [[...PROXY, '--backend-file', 'state.json'], '--backend-file (`backendFile`) cannot be used with --proxy'],
  [[...PROXY, '--demo'], '--demo (`demo`) cannot be used with --proxy'],
  [['--proxy', 'http://user:secret@127.0.0.1'], 'a URL without user and password'],
  [['--proxy', 'http://127.0.0.1:4000?x=secret'], 'a URL without a query'],
  [['--proxy', 'http://127.0.0.1:3001'], 'which is this server'],
])('serve %j is refused with exit 2, and shows no secret', async (flags, message) => {
  const { code, stderr } = await runWith(['serve', ...flags, '--check']);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('secret');
  expect(code).toBe(2);
});

test('the environment may have the options of a proxy for another server', async () => {
  const { code, stdout } = await runWith(['serve', '--check'], { DATAFN_WS_INSPECT_LIMIT: '1MiB' });
  expect(code).toBe(0);
  expect(stdout).toContain('inspectLimit');
});
