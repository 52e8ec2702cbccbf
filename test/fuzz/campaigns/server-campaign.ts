import type { Answers } from '../answers.js';
import { frame } from '../inputs/frames.js';
import { handshake } from '../inputs/handshakes.js';
import type { Random } from '../random.js';
import { type Session, type SessionDraft, split } from '../session.js';

/** How `serve` is run, and the connections that attack it. */
export interface ServerCampaign {
  readonly flags: readonly string[];
  /** Whether it speaks TLS. Default false. */
  readonly isTls?: boolean;
  /** What a healthy client says to be let into a namespace. */
  admit(namespace: string): Presented;
  sessionOf(random: Random): Session;
  /** Answers that a run of some thousands has seen, if it attacks what it is meant to. */
  readonly answers: readonly string[];
  dispose?(): Promise<void>;
}

/** A token as it is sent. */
export interface Presented {
  /** Raw, without the question mark. */
  readonly query?: string;
  /** `name: value`, one each. */
  readonly headers?: readonly string[];
}

/** @param folder for files that the server reads. */
export type PrepareCampaign = (folder: string) => ServerCampaign | Promise<ServerCampaign>;

/** The request line and headers of a handshake with these tokens. */
export function handshakeLines(presented: readonly Presented[]): string[] {
  const query = presented.flatMap(({ query }) => (query === undefined ? [] : [query])).join('&');
  const headers = presented.flatMap(({ headers = [] }) => headers);
  return [`GET /datafn/ws${query === '' ? '' : `?${query}`} HTTP/1.1`, ...headers];
}

export type Verdict = 'in' | 'out' | undefined;

export interface AttemptOptions {
  /** Whether its client must be let in; `undefined` when only the server knows. */
  readonly verdict: Verdict;
  /** Whether 503 for want of a place to wait is right as well. Default false. */
  readonly mayBeFull?: boolean;
  mangle?(request: Buffer): Buffer;
}

/** One handshake with a close right behind it, so that it takes one round trip whatever the answer is. */
export function attempt(
  kind: string,
  random: Random,
  lines: readonly string[],
  { verdict, mayBeFull = false, mangle = (request) => request }: AttemptOptions,
): SessionDraft {
  const request = mangle(Buffer.from(handshake(lines)));
  const code = Buffer.from([1000 >> 8, 1000 & 0xff]);
  const goodbye = frame(random, code, { opcode: 0x8, usual: true });
  return {
    kind,
    inputs: 1,
    pieces: split(random, Buffer.concat([request, goodbye])),
    // Of a request that was mangled nobody knows whether it is one.
    ...(verdict === undefined ? {} : { isAnswered: isDecided }),
    problem(answers) {
      if (verdict === undefined || isLate(answers) || (mayBeFull && isFull(answers))) return undefined;
      const got = verdictOf(answers);
      return got === verdict ? undefined : `expected the client to be ${verdict}, got ${describe(answers)}`;
    },
  };
}

function isDecided({ isUpgraded, http, close }: Answers): boolean {
  return isUpgraded ? close !== undefined : http.length > 0;
}

/** This process was stopped in the middle of the request. */
function isLate({ http }: Answers): boolean {
  return http[0]?.status === 408;
}

function isFull({ http }: Answers): boolean {
  return http[0]?.status === 503 && http[0].body.includes('are being authenticated');
}

function verdictOf({ http, close }: Answers): Verdict {
  const status = http.at(-1)?.status ?? 0;
  if (status >= 400 && status < 500) return 'out';
  if (close?.code === 4401 && close.reason === 'Unauthorized') return 'out';
  return status === 101 && close?.code === 1000 ? 'in' : undefined;
}

export function describe({ statuses, close, pongs }: Answers): string {
  return JSON.stringify({ statuses, close, pongs });
}
