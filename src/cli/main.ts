import { closeSync, fstatSync, openSync } from 'node:fs';
import { stackOf } from '../protocol/errors.js';
import { printableLines } from '../text/printable.js';
import { colorsFor } from './color.js';
import { errorLine } from './error-line.js';
import { EXIT } from './exit-codes.js';
import { type Io, STOP_EXIT_CODES, type StopSignal } from './io.js';
import { run } from './run.js';

/** Time a command has to end after a bug. */
const CRASH_MS = 3000;

const STOP_SIGNALS = Object.keys(STOP_EXIT_CODES) as StopSignal[];

/** Runs the command line in this process. The only place that touches the process and exits. */
export async function main(): Promise<void> {
  let readersMs: number | undefined;
  const io: Io = {
    ...processIo(),
    waitForReaders(timeoutMs) {
      readersMs = timeoutMs;
    },
  };
  const output = watchOutput(io);
  const exitCode = await run(process.argv.slice(2), io);
  // Open handles (a kept-alive connection, a worker) do not hold the process, but the output gets out first.
  const end = () => process.exit(exitCode === 0 && output.isLost ? EXIT.unwritten.code : exitCode);
  if (readersMs !== undefined) setTimeout(end, readersMs);
  await Promise.all([process.stdout, process.stderr].map(flushed));
  end();
}

/** Notices output that cannot be written. A closed pipe, as after `| head`, is not an error. */
function watchOutput(io: Io): { readonly isLost: boolean } {
  const output = { isLost: false };
  io.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || output.isLost) return;
    output.isLost = true;
    io.stderr.write(errorLine(`Cannot write to stdout: ${error.message}`, colorsFor(io, 'stderr')));
  });
  // Losing progress and logs is no reason to stop.
  io.stderr.on('error', () => {});
  return output;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve();
    // An error of the last write is emitted on the next tick.
    else if (stream.writableLength === 0) setImmediate(resolve);
    else stream.write('', () => resolve());
  });
}

/** The private part of a terminal stream. */
type TerminalStream = NodeJS.WriteStream & {
  readonly _handle?: { setBlocking?(isBlocking: boolean): number };
};

/**
 * The streams for output. A stalled terminal (Ctrl-S, a connection that hangs) does not block the process: output waits
 * in memory, as for a pipe.
 */
function outputs(): Pick<Io, 'stdout' | 'stderr'> {
  const { stdout, stderr } = process;
  for (const { isTTY, _handle } of [stdout, stderr] as TerminalStream[]) {
    // Node.js makes terminals blocking (in the constructor of `tty.WriteStream`) and has no public way to undo that.
    // Other processes are unaffected: libuv has opened the terminal again (`uv_tty_init`).
    if (isTTY) _handle?.setBlocking?.(false);
  }
  // One queue keeps the lines of both in order.
  const isShared = stdout.isTTY && stderr.isTTY && fstatSync(stdout.fd).rdev === fstatSync(stderr.fd).rdev;
  return { stdout: isShared ? stderr : stdout, stderr };
}

function processIo(): Omit<Io, 'waitForReaders'> {
  return {
    stdin: process.stdin,
    ...outputs(),
    env: process.env,
    ...requests(),
    ...strayErrors(),
    onExit(listener) {
      process.on('exit', listener);
      return () => process.off('exit', listener);
    },
  };
}

/**
 * Listeners for requests to stop or to reload files. Without a listener, a signal or the death of the parent process ends
 * this one at once. SIGHUP is a request to stop unless a listener reloads files, and always when the terminal was closed:
 * a server with reloadable files would live on unseen and keep its port.
 */
function requests(): Pick<Io, 'onStop' | 'onReload'> {
  const listeners = new Set<(signal: StopSignal) => void>();
  let isListening = false;
  const tell = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && process.listenerCount('SIGHUP') > 1) return;
    if (listeners.size === 0) process.exit(STOP_EXIT_CODES[signal as StopSignal]);
    for (const listener of [...listeners]) listener(signal as StopSignal);
  };
  // A process with an IPC channel to its parent ends when the parent does, even by SIGKILL.
  const onOrphaned = () => (listeners.size === 0 ? process.exit(STOP_EXIT_CODES.SIGTERM) : tell('SIGTERM'));
  process.on('disconnect', onOrphaned);
  // The parent may be dead already. Without a channel there is no `send`, and Bun says false as well.
  if (process.connected === false && process.send !== undefined) onOrphaned();
  return {
    onStop(listener) {
      if (!isListening) for (const signal of STOP_SIGNALS) process.on(signal, tell);
      isListening = true;
      listeners.add(listener);
      // The process keeps its handlers: a signal during the last output then gives the exit code of a stop.
      return () => listeners.delete(listener);
    },
    onReload(listener) {
      const onSignal = () => {
        if (!hasLostTerminal()) listener();
        else for (const stop of [...listeners]) stop('SIGHUP');
      };
      process.on('SIGHUP', onSignal);
      return () => process.off('SIGHUP', onSignal);
    },
  };
}

/** Whether the terminal of this process has been closed. */
function hasLostTerminal(): boolean {
  if (![process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/**
 * Listeners for uncaught errors. Without one, an error ends the process at once. Further errors during the exit are
 * ignored.
 */
function strayErrors(): Pick<Io, 'onStrayError'> {
  let listener: Parameters<Io['onStrayError']>[0] | undefined;
  let isEnding = false;
  const tell = (error: unknown) => {
    if (isEnding) return;
    if (listener === undefined) {
      process.stderr.write(`bug: ${printableLines(stackOf(error))}\n`);
      process.exit(EXIT.bug.code);
    }
    isEnding = true;
    setTimeout(() => process.exit(EXIT.bug.code), CRASH_MS);
    try {
      listener(error);
    } catch {
      process.exit(EXIT.bug.code);
    }
  };
  process.on('uncaughtException', tell).on('unhandledRejection', tell);
  return {
    onStrayError(told) {
      listener = told;
      return () => {
        listener = undefined;
      };
    },
  };
}
