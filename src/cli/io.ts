import type { Readable, Writable } from 'node:stream';

/** A request to stop: a signal, or the death of the process that started this one. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What a command may touch of the outside. The real one is made in `bin/`; tests bring their own. */
export interface Io {
  readonly stdin: Readable;
  /**
   * Writes never block, to a pipe or to a terminal: unread output waits in memory. A command that writes without end
   * must bound it.
   */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back at each request to stop. Returns a function that removes the listener. */
  onStop(listener: (signal: StopSignal) => void): () => void;
  /** Calls back at each request to read files again (SIGHUP). Returns a function that removes the listener. */
  onReload(listener: () => void): () => void;
  /** Calls back on an uncaught error; the command has a moment to end. Returns a function that removes the listener. */
  onStrayError(listener: (error: unknown) => void): () => void;
  /**
   * How long the process waits, at its end, for somebody to read what was printed, in milliseconds. Until this is
   * called: as long as it takes, as for a pager.
   */
  waitForReaders(timeoutMs: number): void;
  /** Calls back when the process exits, whatever the reason, for what must be undone at once. Returns how not to. */
  onExit(listener: () => void): () => void;
}

/** The exit code of a process that was asked to stop (128 + the signal's number). */
export const STOP_EXIT_CODES: Readonly<Record<StopSignal, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/** The exit code of a bug (EX_SOFTWARE of sysexits.h). */
export const INTERNAL_ERROR = 70;

/** The exit code when what came of a command could not be written (EX_IOERR of sysexits.h). */
export const UNWRITTEN_EXIT_CODE = 74;
