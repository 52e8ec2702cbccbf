import { STATUS_CODES } from 'node:http';

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

/** Thrown by a route to answer with a problem document. */
export class ProblemError extends Error {
  constructor(
    readonly statusCode: number,
    detail: string,
    readonly extra: { readonly field?: string; readonly fix?: string } = {},
  ) {
    super(detail);
  }

  toProblem(): Problem {
    return problem(this.statusCode, this.message, this.extra);
  }
}

export function problem(
  status: number,
  detail: string,
  extra: { field?: string; fix?: string } = {},
): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...extra };
}
