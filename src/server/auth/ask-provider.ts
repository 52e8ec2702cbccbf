import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { formatDuration } from '../../text/units.js';
import { type ConnectRequest, type NamespaceGrant, type NamespaceProvider, readGrant } from './provider.js';
import { redact } from './redact.js';
import { refusalReason } from './refusal-reason.js';

/** How a provider is asked. */
export interface AskOptions {
  /** Milliseconds that it may take; 0 waits for ever. */
  readonly timeoutMs: number;
  /** Is told what goes wrong in the provider, and never the token. Must not throw. */
  readonly logger: DatafnLogger;
}

/** A client that is not let in, and why, for the log; `undefined` where the provider said nothing. */
export interface Unauthorized {
  readonly why: string | undefined;
}

/** What became of the question who a client is. */
export type AuthDecision = NamespaceGrant | Unauthorized;

/**
 * Asks a provider who connects. Whatever goes wrong in it means that the client is not let in: this neither throws nor
 * rejects, and a promise is settled in time. What a provider does wrong is logged, and so is an answer that is none.
 *
 * @returns the grant, or why there is none; at once when the provider answers at once.
 */
export function askProvider(
  provider: NamespaceProvider,
  request: ConnectRequest,
  { timeoutMs, logger }: AskOptions,
): AuthDecision | Promise<AuthDecision> {
  const read = (answer: unknown): AuthDecision =>
    readGrant(answer, Date.now()) ?? {
      why:
        refusalReason(request) ??
        // A grant that is none any more.
        (typeof answer === 'object' && answer !== null ? 'what the provider granted has expired' : undefined),
    };
  const failed = (cause: unknown): AuthDecision => {
    const error = redact(messageOf(cause), request);
    logger.warn('The namespace provider failed', { error });
    return { why: `the namespace provider failed: ${error}` };
  };
  try {
    const answer = provider(request);
    if (!isThenable(answer)) return read(answer);
    const decided = Promise.resolve(answer).then(read).catch(failed);
    if (timeoutMs === 0) return decided;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        const late = `The namespace provider took longer than ${formatDuration(timeoutMs)}`;
        logger.warn(late);
        resolve({ why: late.replace('The', 'the') });
      }, timeoutMs);
      // A waiting client is known to the server, which keeps the process alive.
      deadline.unref();
      void decided.then((decision) => {
        clearTimeout(deadline);
        resolve(decision);
      });
    });
  } catch (error) {
    return failed(error);
  }
}

/** A promise of any make. */
export function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof (value as PromiseLike<Value> | undefined | null)?.then === 'function';
}
