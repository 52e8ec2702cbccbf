import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';

test('an error that nobody expected is said to be a bug of ours, with its stack, and is an exit code of its own', async () => {
  const broken = new Writable();
  broken.write = () => {
    throw new TypeError('no \u001b[2Jstream');
  };
  const stdout = Object.assign(broken, { isTTY: false });
  const { code, stderr } = await runWith(['verify', '--list'], {}, false, '', { stdout });
  expect(code).toBe(70);
  expect(stderr).toMatch(/^bug: an internal error in datafn-ws \S+; please report it\n/);
  expect(stderr).toMatch(/\nTypeError: no \\u001b\[2Jstream\n +at /);
});
