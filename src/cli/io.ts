import type { Readable, Writable } from 'node:stream';

/** A request to stop: a signal, or the death of the process that started this one. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The outside world of a command. `main.ts` makes the real one; tests bring their own. */
export interface Io {
  readonly stdin: Readable;
  /**
   * Writes never block: output that is not read yet waits in memory. A command that writes without end must bound it.
   */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `listener` at each request to stop. Returns a function that removes the listener. */
  onStop(listener: (signal: StopSignal) => void): () => void;
  /** Calls `listener` at each request to reload files (SIGHUP). Returns a function that removes the listener. */
  onReload(listener: () => void): () => void;
  /** Calls back on an uncaught error; the command has a moment to end. Returns a function that removes the listener. */
  onStrayError(listener: (error: unknown) => void): () => void;
  /**
   * Limits how long the process waits at its end until its output is read, in milliseconds. Default: forever, as for a
   * pager.
   */
  waitForReaders(timeoutMs: number): void;
  /** Calls `listener` when the process exits, for any reason. Returns a function that removes the listener. */
  onExit(listener: () => void): () => void;
}

/** The exit code of a process that was asked to stop (128 + the signal's number). */
export const STOP_EXIT_CODES: Readonly<Record<StopSignal, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};
