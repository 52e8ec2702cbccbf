import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks';
import { messageOf, stackOf } from '../protocol/errors.js';

/** Code that somebody else wrote, such as an auth module. */
export interface UserCode {
  /** What it is called in a log, such as "the auth module". */
  readonly name: string;
  /** One line for what it threw, without secrets. */
  describe(error: unknown): string;
}

const running = new AsyncLocalStorage<UserCode>();
let lastRun: UserCode | undefined;

/**
 * Runs code of a user's. What it throws later, in a timer or a promise that nobody waits for, can then be told from a
 * bug of ours: the process learns of it as an uncaught exception, inside of which {@link userCodeAtFault} answers.
 */
export function runUserCode<Result>(code: UserCode, run: () => Result): Result {
  lastRun = code;
  return running.run(code, run);
}

/** The code that is running, or that set what runs now in motion; `undefined` for our own. */
export function userCodeRunning(): UserCode | undefined {
  return running.getStore();
}

/** Where our own code is, as a stack names it. Not at once: a CommonJS bundle has no such URL. */
const ours = () => new URL('../', import.meta.url).href;

/**
 * Whose mistake an uncaught exception is; `undefined` for ours. To be asked inside of the handler.
 *
 * What `queueMicrotask` runs has been left, and its context with it, when Node.js (20 and 22) tells of what it threw. So
 * without any context, it is the user's unless its stack shows code of ours, which queues no microtasks.
 */
export function userCodeAtFault(error: unknown): UserCode | undefined {
  const code = userCodeRunning();
  if (code !== undefined || lastRun === undefined) return code;
  if (executionAsyncId() !== 0 || stackOf(error).includes(ours())) return undefined;
  return { name: lastRun.name, describe: withoutMessage };
}

/** Whose connection an error is of is not known, and so neither is the token that its message may have in it. */
function withoutMessage(error: unknown): string {
  const [place] =
    stackOf(error)
      .replace(messageOf(error), '')
      .match(/file:\S+:\d+:\d+/) ?? [];
  return `an error in a microtask${place === undefined ? '' : ` at ${place}`} (its message may have a token in it, and is not shown)`;
}
