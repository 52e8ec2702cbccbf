import type { IncomingHttpHeaders } from 'node:http';
import type { DatafnLogger, WsAuthContext } from '../../manager/types.js';
import { messageOf } from '../../protocol/errors.js';
import { describe, namespaceProblem, principalsProblem } from '../../protocol/identifiers.js';
import { formatDuration } from '../../text/units.js';
import { redact } from './redact.js';

/** What a namespace provider is given. */
export interface ConnectRequest {
  /** The token from wherever the client put it, see `token-source.ts`; `undefined` when there is none. */
  readonly token: string | undefined;
  /** Path and query of the request. The query may hold the token: keep it out of logs. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

/** A namespace, for whom its client stands there, and until when it may stay. */
export interface NamespaceGrant extends Pick<WsAuthContext, 'actorId' | 'principalIds'> {
  /** Non-empty, at most 255 characters, no control characters; anything else admits nobody. */
  readonly namespace: string;
  /**
   * When the client is closed with 4401 `Token expired`, in milliseconds since 1970 as `Date.now()` counts them.
   * Left out: never. A time that is past admits nobody, and neither does one that is not a finite number.
   */
  readonly expiresAtMs?: number | undefined;
}

/** The answer of a provider: a namespace, with or without an end, or nothing to refuse the client. */
export type NamespaceAnswer = string | NamespaceGrant | undefined | null;

/**
 * The server-side source of a client's namespace (DataFn reference, `namespaceProvider`).
 *
 * It is asked before the upgrade is answered. Returning nothing, throwing, rejecting and taking longer than
 * `authTimeoutMs` mean the same: the client is closed with 4401. So does an answer of another kind, which is logged.
 */
export type NamespaceProvider = (request: ConnectRequest) => NamespaceAnswer | PromiseLike<NamespaceAnswer>;

/**
 * Reads the answer of a provider: a grant that is valid at `nowMs`, or `undefined` for a refusal.
 *
 * @throws {Error} for any other answer, with what was expected.
 */
export function readGrant(answer: unknown, nowMs: number): NamespaceGrant | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (typeof answer === 'string') {
    checkGrant({ namespace: answer });
    return { namespace: answer };
  }
  if (typeof answer !== 'object' || Array.isArray(answer))
    throw new Error(
      `expected the answer to be a namespace, { namespace, actorId, principalIds, expiresAtMs } or nothing, got ${describe(answer)}`,
    );
  // Each is read once, so that what is checked is what is used, even of a getter.
  const { namespace, expiresAtMs, actorId, principalIds } = answer as Unchecked;
  return validGrant({ namespace, expiresAtMs, actorId, principalIds }, nowMs);
}

type Unchecked = Partial<Record<keyof NamespaceGrant, unknown>>;

/** A part of a grant that is not valid, and why, in words that follow "expected … to be". */
export interface GrantProblem {
  readonly part: 'namespace' | 'actorId' | 'principalIds';
  readonly problem: string;
}

/** Returns what is wrong with a namespace and those whom its client stands for, else `undefined`. */
export function grantProblem({
  namespace,
  actorId,
  principalIds,
}: Partial<Record<GrantProblem['part'], unknown>>): GrantProblem | undefined {
  const wrong = namespaceProblem(namespace);
  if (wrong !== undefined) return { part: 'namespace', problem: wrong };
  const wrongActor = actorId === undefined ? undefined : namespaceProblem(actorId);
  if (wrongActor !== undefined) return { part: 'actorId', problem: wrongActor };
  const wrongIds = principalIds === undefined ? undefined : principalsProblem(principalIds);
  return wrongIds === undefined ? undefined : { part: 'principalIds', problem: wrongIds };
}

function checkGrant(answer: Unchecked): void {
  const wrong = grantProblem(answer);
  if (wrong !== undefined) throw new Error(`expected the ${wrong.part} of the answer to be ${wrong.problem}`);
}

function validGrant(
  { namespace, expiresAtMs, actorId, principalIds }: Unchecked,
  nowMs: number,
): NamespaceGrant | undefined {
  checkGrant({ namespace, actorId, principalIds });
  const grant = {
    namespace: namespace as string,
    ...(actorId === undefined ? {} : { actorId: actorId as string }),
    ...(principalIds === undefined ? {} : { principalIds: [...(principalIds as string[])] }),
  };
  if (expiresAtMs === undefined) return grant;
  if (!Number.isFinite(expiresAtMs))
    throw new Error(
      `expected the expiresAtMs of the answer to be a finite number of milliseconds, got ${describe(expiresAtMs)}`,
    );
  if ((expiresAtMs as number) <= nowMs) return undefined;
  return { ...grant, expiresAtMs: expiresAtMs as number };
}

const reasons = new WeakMap<ConnectRequest, string>();

/** The answer of a provider that refuses for a reason. The reason is for the log, and must not hold a part of the token. */
export function refuse(request: ConnectRequest, reason: string): undefined {
  reasons.set(request, reason);
}

interface AskOptions {
  /** Milliseconds that it may take; 0 waits forever. */
  readonly timeoutMs: number;
  /** Gets the failures of the provider, and never the token. Must not throw. */
  readonly logger: DatafnLogger;
}

/** A client that is not admitted, and why, for the log; `undefined` where the provider gave no reason. */
export interface Unauthorized {
  readonly why: string | undefined;
  /** Set when the provider did not answer, or not with a namespace or nothing. */
  readonly failure?: 'failed' | 'timeout';
}

export type AuthDecision = NamespaceGrant | Unauthorized;

/**
 * Asks a provider for the namespace of a client. Any failure of the provider, which is logged, refuses the client: this
 * neither throws nor rejects, and a promise is settled in time.
 *
 * @returns the grant, or why there is none; not a promise when the provider returns none.
 */
export function askProvider(
  provider: NamespaceProvider,
  request: ConnectRequest,
  { timeoutMs, logger }: AskOptions,
): AuthDecision | Promise<AuthDecision> {
  try {
    const answer = provider(request);
    if (!isThenable(answer)) return decisionOf(answer, request);
    const decided = Promise.resolve(answer)
      .then((settled) => decisionOf(settled, request))
      .catch((cause: unknown) => failureOf(cause, request, logger));
    if (timeoutMs === 0) return decided;
    return new Promise((resolve) => {
      let isDecided = false;
      const giveUp = () => {
        if (isDecided) return;
        const late = `The namespace provider took longer than ${formatDuration(timeoutMs)}`;
        logger.warn(late);
        resolve({ why: late.replace('The', 'the'), failure: 'timeout' });
      };
      // When this process stood still, the answer may be there and not read yet: that takes a turn of the event loop.
      const deadline = setTimeout(() => setImmediate(giveUp), timeoutMs);
      // A waiting client is known to the server, which keeps the process alive.
      deadline.unref();
      void decided.then((decision) => {
        isDecided = true;
        clearTimeout(deadline);
        resolve(decision);
      });
    });
  } catch (error) {
    return failureOf(error, request, logger);
  }
}

function decisionOf(answer: unknown, request: ConnectRequest): AuthDecision {
  return (
    readGrant(answer, Date.now()) ?? {
      why:
        reasons.get(request) ??
        (typeof answer === 'object' && answer !== null ? 'what the provider granted has expired' : undefined),
    }
  );
}

function failureOf(cause: unknown, request: ConnectRequest, logger: DatafnLogger): AuthDecision {
  const error = redact(messageOf(cause), request);
  logger.warn('The namespace provider failed', { error });
  return { why: `the namespace provider failed: ${error}`, failure: 'failed' };
}

/** A promise of any make. */
export function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof (value as PromiseLike<Value> | undefined | null)?.then === 'function';
}
