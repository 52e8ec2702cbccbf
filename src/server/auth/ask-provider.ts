import type { DatafnLogger } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { formatDuration } from '../../protocol/units.js';
import { type ConnectRequest, type NamespaceGrant, type NamespaceProvider, readGrant } from './provider.js';
import { redact } from './redact.js';

/** How a provider is asked. */
export interface AskOptions {
  /** Milliseconds that it may take; 0 waits for ever. */
  readonly timeoutMs: number;
  /** Is told what goes wrong in the provider, and never the token. Must not throw. */
  readonly logger: DatafnLogger;
}

/**
 * Asks a provider who connects. Whatever goes wrong in it means that the client is not let in: this neither throws nor
 * rejects, and a promise is settled in time. What a provider does wrong is logged, and so is an answer that is none.
 *
 * @returns the grant, or `undefined` for a refusal; at once when the provider answers at once.
 */
export function askProvider(
  provider: NamespaceProvider,
  request: ConnectRequest,
  { timeoutMs, logger }: AskOptions,
): NamespaceGrant | undefined | Promise<NamespaceGrant | undefined> {
  const read = (answer: unknown) => readGrant(answer, Date.now());
  const failed = (error: unknown) => {
    logger.warn('The namespace provider failed', { error: redact(messageOf(error), request) });
    return undefined;
  };
  try {
    const answer = provider(request);
    if (!isThenable(answer)) return read(answer);
    const granted = Promise.resolve(answer).then(read).catch(failed);
    if (timeoutMs === 0) return granted;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        logger.warn(`The namespace provider took longer than ${formatDuration(timeoutMs)}`);
        resolve(undefined);
      }, timeoutMs);
      // Whoever waits is known to the server, which is what keeps the process alive.
      deadline.unref();
      void granted.then((grant) => {
        clearTimeout(deadline);
        resolve(grant);
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
