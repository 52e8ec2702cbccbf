import type { Io, StopSignal } from './io.js';
import { run } from './run.js';

/** The process as the commands see it. The only place that touches it, and the only one that exits. */
export async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    // `datafn-ws … | head`: nobody reads any more, which is no error of ours.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      process.stderr.write(`bug: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(70);
    });
  }
  const exitCode = await run(process.argv.slice(2), processIo());
  // Whatever is still open (a kept-alive connection, a worker on its way out) does not hold the process, but
  // what was printed gets out first: a pipe may take it late.
  await Promise.all([process.stdout, process.stderr].map(flushed));
  process.exit(exitCode);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve();
    else stream.write('', () => resolve());
  });
}

function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onStop(listener) {
      const onSignal = (signal: NodeJS.Signals) => listener(signal as StopSignal);
      // A process that was started with a channel to its parent ends when the parent does, however that died.
      const onOrphaned = () => listener('SIGTERM');
      process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('disconnect', onOrphaned);
      return () => {
        process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('disconnect', onOrphaned);
      };
    },
  };
}
