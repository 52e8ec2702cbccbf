import { closeSync, fstatSync, openSync } from 'node:fs';
import { stackOf } from '../protocol/errors.js';
import { printableLines } from '../text/printable.js';
import { colorsFor } from './color.js';
import { INTERNAL_ERROR, type Io, STOP_EXIT_CODES, type StopSignal, UNWRITTEN_EXIT_CODE } from './io.js';
import { run } from './run.js';

/** How long a command may take to end in order after a bug. */
const LAST_WORDS_MS = 3000;

const STOP_SIGNALS = Object.keys(STOP_EXIT_CODES) as StopSignal[];

/** The process as the commands see it. The only place that touches it, and the only one that exits. */
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
  // Whatever is still open (a kept-alive connection, a worker on its way out) does not hold the process, but
  // what was printed gets out first: a pipe may take it late.
  const end = () => process.exit(exitCode === 0 && output.isLost ? UNWRITTEN_EXIT_CODE : exitCode);
  if (readersMs !== undefined) setTimeout(end, readersMs);
  await Promise.all([process.stdout, process.stderr].map(flushed));
  end();
}

/** Learns of output that does not get out. `datafn-ws … | head` is no such case: nobody wants the rest. */
function watchOutput(io: Io): { readonly isLost: boolean } {
  const output = { isLost: false };
  io.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || output.isLost) return;
    output.isLost = true;
    io.stderr.write(`${colorsFor(io, 'stderr').red('error:')} Cannot write to stdout: ${error.message}\n`);
  });
  // Progress and logs. That they are lost is nothing to stop for, and nobody is left to be told.
  io.stderr.on('error', () => {});
  return output;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve();
    // Even an empty text cannot be written to a full disk; what is wrong with the last one is heard a turn later.
    else if (stream.writableLength === 0) setImmediate(resolve);
    else stream.write('', () => resolve());
  });
}

/** What of a stream for a terminal is not public. */
type TerminalStream = NodeJS.WriteStream & {
  readonly _handle?: { setBlocking?(isBlocking: boolean): number };
};

/**
 * The streams for output. A terminal that is not read (Ctrl-S, a connection that hangs) does not stop the process: what it
 * does not take waits in memory, as for a pipe.
 */
function outputs(): Pick<Io, 'stdout' | 'stderr'> {
  const { stdout, stderr } = process;
  for (const { isTTY, _handle } of [stdout, stderr] as TerminalStream[]) {
    // Node.js makes terminals blocking (the constructor of `tty.WriteStream`), and has no public way back. libuv has
    // opened the terminal anew, so that this concerns nobody else (`uv_tty_init`).
    if (isTTY) _handle?.setBlocking?.(false);
  }
  // In one queue, lines stay in order.
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
 * Listeners for requests to stop, or to read files again. Without a listener, a signal ends the process at once, and so
 * does the death of its parent. SIGHUP is a request to stop unless a listener can read files again, and always when the
 * terminal has been closed: the server would live on unseen.
 */
function requests(): Pick<Io, 'onStop' | 'onReload'> {
  const listeners = new Set<(signal: StopSignal) => void>();
  let isListening = false;
  const tell = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && process.listenerCount('SIGHUP') > 1) return;
    if (listeners.size === 0) process.exit(STOP_EXIT_CODES[signal as StopSignal]);
    for (const listener of [...listeners]) listener(signal as StopSignal);
  };
  // A process that was started with a channel to its parent ends when the parent does, however that died.
  const onOrphaned = () => (listeners.size === 0 ? process.exit(STOP_EXIT_CODES.SIGTERM) : tell('SIGTERM'));
  process.on('disconnect', onOrphaned);
  // It may have died before anybody could listen. Without a channel there is no `send`; Bun then says false as well.
  if (process.connected === false && process.send !== undefined) onOrphaned();
  return {
    onStop(listener) {
      if (!isListening) for (const signal of STOP_SIGNALS) process.on(signal, tell);
      isListening = true;
      listeners.add(listener);
      // The process goes on listening: a signal that comes while the last output is written gives the same exit code.
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

/** Whether the terminal on which this process was started has been closed. */
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
 * Listeners for uncaught errors. Without one, an error ends the process at once. Another error during the exit changes
 * nothing: the deadline is set.
 */
function strayErrors(): Pick<Io, 'onStrayError'> {
  let listener: Parameters<Io['onStrayError']>[0] | undefined;
  let isEnding = false;
  const tell = (error: unknown) => {
    if (isEnding) return;
    if (listener === undefined) {
      process.stderr.write(`bug: ${printableLines(stackOf(error))}\n`);
      process.exit(INTERNAL_ERROR);
    }
    isEnding = true;
    setTimeout(() => process.exit(INTERNAL_ERROR), LAST_WORDS_MS);
    try {
      listener(error);
    } catch {
      process.exit(INTERNAL_ERROR);
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
