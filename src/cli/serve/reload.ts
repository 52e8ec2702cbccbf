import { stat } from 'node:fs/promises';
import { messageOf } from '../../protocol/errors.js';
import { formatDuration } from '../../text/units.js';
import type { Io } from '../io.js';
import type { Log } from './log.js';

/** Time files have to be read. */
const READ_MS = 10_000;

/** A part of a running server that comes from files and can be reloaded. */
export interface Reloadable {
  /** Its name in log lines, such as "the TLS certificate". */
  readonly what: string;
  readonly files: readonly string[];
  /** Reads the files. Returns a function that applies them. */
  read(): Promise<() => void | Promise<void>>;
}

/**
 * Reloads files at each SIGHUP. A broken file is logged, and the old content stays in force. With nothing to reload, the
 * signal keeps its usual meaning and ends the process.
 *
 * @returns a function that stops it.
 */
export function reloadOnSignal(io: Io, log: Log, reloadables: readonly Reloadable[]): () => void {
  if (reloadables.length === 0) return () => {};
  let isReading = false;
  let isAskedAgain = false;
  return io.onReload(async () => {
    // Signals that arrive during a reload cause one more, so the newest files win.
    isAskedAgain = true;
    if (isReading) return;
    isReading = true;
    while (isAskedAgain) {
      isAskedAgain = false;
      for (const one of reloadables) await reload(one, log);
    }
    isReading = false;
  });
}

async function reload(one: Reloadable, log: Log): Promise<void> {
  const { what } = one;
  try {
    const putInForce = await inTime(readAgain(one));
    await putInForce();
    log.add({ level: 'info', event: 'reload.done', text: `SIGHUP: reloaded ${what}` });
  } catch (error) {
    const reason = messageOf(error);
    log.add({
      level: 'error',
      event: 'reload.failed',
      text: `SIGHUP: kept the old version of ${what}: ${reason}`,
      fields: { reason },
    });
  }
}

async function readAgain({ files, read }: Reloadable): Promise<() => void | Promise<void>> {
  const before = await Promise.all(files.map(versionOf));
  const putInForce = await read();
  const after = await Promise.all(files.map(versionOf));
  const changed = files.find((_, index) => before[index] !== after[index]);
  // Half of a tokens file is valid, but would lock out the clients of the other half.
  if (changed !== undefined)
    throw new Error(`${changed} changed while it was read; send SIGHUP when it is complete`);
  return putInForce;
}

/** Changes when the file is written to or replaced. */
async function versionOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true });
  if (!found.isFile()) throw new Error(`${file} is not a regular file and can be read only once`);
  return [found.dev, found.ino, found.size, found.mtimeNs].join();
}

/** A file system that hangs must not block the next reload. */
async function inTime<Value>(reading: Promise<Value>): Promise<Value> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(
      () => reject(new Error(`reading took longer than ${formatDuration(READ_MS)}`)),
      READ_MS,
    );
  });
  return Promise.race([reading, late]).finally(() => clearTimeout(deadline));
}
