import { messageOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';
import type { Log } from './log.js';

/** Something of a running server that comes from files, and can be read from them again. */
export interface Reloadable {
  /** What it is, fit to be a subject: "The TLS certificate". */
  readonly what: string;
  /** Reads it again and puts it in force; throwing leaves the old one there. */
  reload(): Promise<void>;
}

/**
 * Reads files again at each SIGHUP. One that is broken is told of, and what was in force before stays. With nothing
 * to reload, the signal keeps its usual meaning: the end of a process whose terminal is gone.
 *
 * @returns stops it.
 */
export function reloadOnSignal(io: Io, log: Log, reloadables: readonly Reloadable[]): () => void {
  if (reloadables.length === 0) return () => {};
  let running = Promise.resolve();
  return io.onReload(() => {
    // One after the other, so that the last signal has the last word.
    running = running.then(async () => {
      for (const one of reloadables) await reload(one, log);
    });
  });
}

async function reload({ what, reload }: Reloadable, log: Log): Promise<void> {
  try {
    await reload();
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
