import { stackOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import type { Log } from './log.js';

/** Uncaught errors. */
export interface StrayErrors {
  /** Resolves after a bug: the process must end. */
  readonly crash: Promise<void>;
  dispose(): void;
}

/** Logs uncaught errors, in datafn-ws or in an auth module: both end the server. */
export function watchStrayErrors(io: Io, log: Log): StrayErrors {
  let crashed: () => void;
  const crash = new Promise<void>((resolve) => {
    crashed = resolve;
  });
  const dispose = io.onStrayError((error) => {
    crashed();
    const stack = stackOf(error);
    log.add({
      level: 'error',
      event: 'server.crashed',
      text: `this is a mistake in datafn-ws ${version}, please report it; closing everybody with 1001`,
      fields: { stack },
      details: stack.split('\n'),
    });
  });
  return { crash, dispose };
}
