import { type IncomingMessage, STATUS_CODES } from 'node:http';

/** The media type of {@link Problem} (RFC 9457 section 6.1). */
export const PROBLEM_TYPE = 'application/problem+json';

/** An error as an HTTP API tells it (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was wrong with this request. */
  readonly detail: string;
  /** Which part of the request was wrong, such as `[3].cursor`. */
  readonly field?: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Called with each request that is answered with a problem document. */
export type ProblemListener = (request: IncomingMessage, problem: Problem) => void;

/** The optional members of a {@link Problem}. */
export type ProblemExtra = { readonly [Name in 'field' | 'fix']?: Problem[Name] | undefined };

/** Thrown by a route to answer with a problem document, and to end the connection with `endsConnection`. */
export class ProblemError extends Error {
  constructor(
    readonly statusCode: number,
    detail: string,
    readonly extra: ProblemExtra & { readonly endsConnection?: boolean } = {},
  ) {
    super(detail);
  }

  toProblem(): Problem {
    return problem(this.statusCode, this.message, this.extra);
  }
}

export function problem(status: number, detail: string, extra: ProblemExtra = {}): Problem {
  const { field, fix } = extra;
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(fix === undefined ? {} : { fix }),
  };
}
