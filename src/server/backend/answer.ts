/** What one request asks of a backend: its client has been authenticated, its body is JSON. */
export interface BackendCall {
  readonly method: string;
  /** The path below the remote, such as `push`. */
  readonly route: string;
  /** The namespace that the token of the request belongs to. */
  readonly namespace: string;
  /** Undefined for a request without a body. */
  readonly body: unknown;
}

/** The answer to a {@link BackendCall}, before it is written. */
export interface BackendAnswer {
  readonly status: number;
  /** Written as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The cursor to broadcast to the namespace of the call, right after the answer: something has changed. */
  readonly news?: string;
}

/** Answers the calls of DataFn clients. What it throws becomes an answer, too: a {@link BackendError} or 500. */
export type BackendHandler = (call: BackendCall) => BackendAnswer | Promise<BackendAnswer>;

/** Codes of the errors in DataFn's envelope. `NOT_SUPPORTED` is our own. */
export type BackendErrorCode =
  | 'CONFLICT'
  | 'DATAFN_UNSUPPORTED_PROTOCOL_VERSION'
  | 'DFQL_INVALID'
  | 'DFQL_UNKNOWN_RESOURCE'
  | 'FORBIDDEN'
  | 'INTERNAL'
  | 'LIMIT_EXCEEDED'
  | 'NOT_FOUND'
  | 'NOT_SUPPORTED'
  | 'SERVICE_UNAVAILABLE'
  | 'UNAUTHORIZED';

/** An error as a request is answered with, or one mutation of it. */
export interface Wrong {
  readonly code: BackendErrorCode;
  readonly message: string;
  /** Which part of the request is wrong; `$` is all of it. */
  readonly path: string;
}

/** Thrown to answer a request with an error and nothing else. */
export class BackendError extends Error {
  constructor(
    readonly status: number,
    readonly code: BackendErrorCode,
    message: string,
    readonly path = '$',
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  toAnswer(): BackendAnswer {
    const { status, code, message, path, headers } = this;
    return { status, body: { ok: false, error: envelopeError({ code, message, path }) }, headers };
  }
}

/** The `error` of an envelope. */
export function envelopeError({ code, message, path }: Wrong): object {
  return { code, message, details: { path } };
}

/** The answer to a request that was done. */
export function succeeded(result: object): BackendAnswer {
  return { status: 200, body: { ok: true, result } };
}

/** An error for a request that is not what DataFn clients send. */
export function invalid(message: string, path = '$'): BackendError {
  return new BackendError(400, 'DFQL_INVALID', message, path);
}

/** An error for what this backend does not do. */
export function notSupported(what: string, path = '$'): BackendError {
  return new BackendError(501, 'NOT_SUPPORTED', `${what} (docs/first-app.md says what it does)`, path);
}
