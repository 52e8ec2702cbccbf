import { AsyncLocalStorage } from 'node:async_hooks';

/** Code that somebody else wrote, such as an auth module. */
export interface UserCode {
  /** What it is called in a log, such as "the auth module". */
  readonly name: string;
  /** One line for what it threw, without secrets. */
  describe(error: unknown): string;
}

const running = new AsyncLocalStorage<UserCode>();

/**
 * Runs code of a user's. What it throws later, in a timer or a promise that nobody waits for, can then be told from a
 * mistake of ours: the process learns of it as an uncaught exception, inside of which {@link userCodeRunning} answers.
 */
export function runUserCode<Result>(code: UserCode, run: () => Result): Result {
  return running.run(code, run);
}

/** The code that is running, or that set what runs now in motion; `undefined` for our own. */
export function userCodeRunning(): UserCode | undefined {
  return running.getStore();
}
