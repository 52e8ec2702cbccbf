import { PassThrough, Writable } from 'node:stream';
import type { JsonReport, JsonResult } from '../../src/bench/report/schema.js';
import type { Io } from '../../src/cli/io.js';
import { run } from '../../src/cli/run.js';

/** Runs the command line in this process, with an outside of its own `input` on its stdin, and other parts of it in place of those that are kept. */
export async function runWith(
  args: readonly string[],
  env: Record<string, string> = {},
  isTTY = false,
  input = '',
  others: Partial<Io> = {},
) {
  const out = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof out) =>
    Object.assign(
      new Writable({
        write(chunk, _, done) {
          out[name] += chunk;
          done();
        },
      }),
      { isTTY },
    );
  const io: Io = {
    stdin: new PassThrough().end(input),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env,
    onStop: () => () => {},
    onReload: () => () => {},
    onStrayError: () => () => {},
    waitForReaders: () => {},
    onExit: () => () => {},
    ...others,
  };
  return { code: await run(args, io), ...out };
}

/** Runs bench with a worker in this process; its exit code, what it said, and its report of one scenario. */
export async function benchInProcess(args: readonly string[], others: Partial<Io> = {}) {
  const { code, stdout, stderr } = await runWith(
    ['bench', ...args, '--workers', '1', '--json', '-'],
    {},
    false,
    '',
    others,
  );
  const report = (stdout === '' ? undefined : JSON.parse(stdout)) as JsonReport | undefined;
  return { code, stderr, report, result: report?.results[0] as JsonResult };
}
