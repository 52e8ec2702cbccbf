import { stat } from 'node:fs/promises';
import { messageOf } from '../../protocol/errors.js';
import { formatDuration } from '../../text/units.js';
import type { Io } from '../io.js';
import type { Log } from './log.js';

/** How long files may take to be read. */
const READ_MS = 10_000;

/** Something of a running server that comes from files, and can be read from them again. */
export interface Reloadable {
  /** What it is, fit to be a subject: "The TLS certificate". */
  readonly what: string;
  readonly files: readonly string[];
  /** Reads it again; what comes of that puts it in force. Throwing leaves the old one there. */
  read(): Promise<() => void>;
}

/**
 * Reads files again at each SIGHUP. A broken one is reported, and the previous one stays in force. With nothing
 * to reload, the signal keeps its usual meaning: the end of a process whose terminal is gone.
 *
 * @returns stops it.
 */
export function reloadOnSignal(io: Io, log: Log, reloadables: readonly Reloadable[]): () => void {
  if (reloadables.length === 0) return () => {};
  let isReading = false;
  let isAskedAgain = false;
  return io.onReload(async () => {
    // However many signals come while files are read, they are read once more: so the last one has the last word.
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
    putInForce();
    log.add({ level: 'info', event: 'reload.done', text: `SIGHUP: ${what} was read again` });
  } catch (error) {
    const reason = messageOf(error);
    log.add({
      level: 'error',
      event: 'reload.failed',
      text: `SIGHUP: ${what} stays as it was: ${reason}`,
      fields: { reason },
    });
  }
}

async function readAgain({ files, read }: Reloadable): Promise<() => void> {
  const before = await Promise.all(files.map(versionOf));
  const putInForce = await read();
  const after = await Promise.all(files.map(versionOf));
  const changed = files.find((_, index) => before[index] !== after[index]);
  // Half of a tokens file is a valid one, without the other half of the clients.
  if (changed !== undefined)
    throw new Error(`${changed} changed while it was read; send SIGHUP when it is complete`);
  return putInForce;
}

/** What is different when a file has been written to, or replaced. */
async function versionOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true });
  // A pipe has given away what it had.
  if (!found.isFile()) throw new Error(`${file} is no regular file, and can be read only once`);
  return [found.dev, found.ino, found.size, found.mtimeNs].join();
}

/** A file system that does not answer is not to be in the way of the next signal. */
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
