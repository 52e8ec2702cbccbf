import { messageOf } from '../protocol/errors.js';

/**
 * An error that nobody caught, from an event, a timer or a promise: a bug of ours. As the reason of an abort, it ends
 * a run as one.
 */
export class UncaughtError extends Error {
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

/** What reports say of a run that ended with an unexpected error. */
export function crashText(error: unknown): string {
  return `A bug in datafn-ws ended the run, please report it: ${messageOf(error).split('\n', 1)[0]}`;
}
