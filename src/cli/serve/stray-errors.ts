import { stackOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';
import { version } from '../version.js';
import { FailureLines } from './failure-lines.js';
import type { Log } from './log.js';

/** What became of errors that nobody caught. */
export interface StrayErrors {
  /** Resolves after a bug: the process must end. */
  readonly crash: Promise<void>;
  dispose(): void;
}

/** Logs errors that nobody caught. Those of a user's code are theirs, and end nothing. */
export function watchStrayErrors(io: Io, log: Log): StrayErrors {
  let crashed: () => void;
  const crash = new Promise<void>((resolve) => {
    crashed = resolve;
  });
  const failures = new FailureLines((text) => log.add({ level: 'error', event: 'user.failed', text }));
  const stopListening = io.onStrayError((error, culprit) => {
    if (culprit !== undefined) {
      failures.add(`${culprit.name} failed: ${culprit.describe(error)}`);
      return;
    }
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
  return {
    crash,
    dispose() {
      stopListening();
      failures.dispose();
    },
  };
}
