/** Stable, machine-readable identifiers of every error that this package throws on purpose. */
export type ErrorCode =
  /** A value handed to the library or the command line is not what was expected. */
  | 'ERR_INVALID_OPTION'
  /** A scenario file cannot be read, parsed or validated. */
  | 'ERR_INVALID_SCENARIO'
  /** An emit script has a line that is not a cursor. */
  | 'ERR_INVALID_SCRIPT'
  /** The server cannot be started: port taken, no privilege, no such host. */
  | 'ERR_LISTEN'
  /** The target server cannot be reached. */
  | 'ERR_UNREACHABLE'
  /** The target server answered, and said no. */
  | 'ERR_REFUSED'
  /** A worker process of the bench ended before its work did. */
  | 'ERR_WORKER';

/**
 * An error that the user can fix: its message says what was expected, what came, and what to do. Anything else that is
 * thrown is a bug.
 */
export class DatafnWsError extends Error {
  override readonly name = 'DatafnWsError';

  constructor(
    /** Stable identifier, fit for a `switch`. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The error for an option value that is not what was expected. */
export function invalidOption(message: string, options?: ErrorOptions): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message, options);
}

/** One line of text for a thrown value of any kind. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** The stack of a thrown value of any kind; of one that has none, its one line. */
export function stackOf(error: unknown): string {
  try {
    return String((error as Partial<Error> | null | undefined)?.stack ?? messageOf(error));
  } catch {
    return messageOf(error);
  }
}

/** Codes of OpenSSL and Node.js for a certificate that is not trusted. */
const DISTRUST = /CERT|ISSUER|UNABLE_TO_VERIFY/;

/** Whether an error says that the certificate of a server is not trusted. */
export function isDistrust(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && DISTRUST.test(code);
}

/** The message of such an error, without the advice on a Node.js flag that Node.js 24 adds. */
export function distrustReason(message: string): string {
  return message.split('; ', 1)[0] as string;
}

/** What to do about it, where there is an option `ca`. */
export const TRUST_FIX =
  'Trust its certificate with --ca FILE (`ca`), or with NODE_EXTRA_CA_CERTS=FILE in the environment';
