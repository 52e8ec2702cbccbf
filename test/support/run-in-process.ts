import { PassThrough, Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import { run } from '../../src/cli/run.js';

/** Runs the command line in this process, with an outside of its own `input` on its stdin, and other streams in place of those that are kept. */
export async function runWith(
  args: readonly string[],
  env: Record<string, string> = {},
  isTTY = false,
  input = '',
  streams: Partial<Pick<Io, 'stdout' | 'stderr'>> = {},
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
    ...streams,
  };
  return { code: await run(args, io), ...out };
}
