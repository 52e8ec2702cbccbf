import type { Answers } from '../answers.js';
import { frame } from '../inputs/frames.js';
import { handshake } from '../inputs/handshakes.js';
import { apiInput } from '../inputs/requests.js';
import { ambiguousRequest } from '../inputs/smuggling.js';
import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { type Mix, pickSession, type SessionDraft, split } from '../session.js';
import { protocolMix } from './dev.js';
import { describe, type ServerCampaign } from './server-campaign.js';
import { fewOf } from './tokens.js';

/** A request, and the status that it is answered with. */
interface Request {
  readonly text: string;
  readonly status: number;
}

const HOST = 'Host: 127.0.0.1\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const post = (body: string) =>
  `POST /v1/cursors HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: ${body.length}\r\n\r\n${body}`;
const REQUESTS: readonly Request[] = [
  { text: `GET /healthz HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
  { text: `HEAD /healthz HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
  { text: `GET /v1/stats HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
  { text: `GET /v1/namespaces HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
  { text: `GET /nothing HTTP/1.1\r\n${HOST}\r\n`, status: 404 },
  { text: `DELETE /v1/cursors HTTP/1.1\r\n${HOST}\r\n`, status: 405 },
  { text: `GET /v1/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n`, status: 403 },
  { text: post('{"namespace":"fuzz:1","cursor":"1"}'), status: 200 },
  { text: post('{"namespace":"","cursor":"1"}'), status: 400 },
  { text: post('[]'), status: 400 },
  {
    text: `POST /v1/cursors HTTP/1.1\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
    status: 400,
  },
  { text: `\r\n\r\nGET /readyz HTTP/1.1\r\n${HOST}\r\n`, status: 200 },
];
/** Its answer says that it is the last. */
const LAST: Request = { text: post('{'), status: 400 };
const WITH_BODIES = REQUESTS.filter(({ text }) => !text.startsWith('HEAD '));
const UPGRADE = handshake(['GET /datafn/ws?token=fuzz:1 HTTP/1.1']);

/** Many requests in one go: read late, mixed with upgrades, broken off, hidden in one another. */
export function pipelining(): ServerCampaign {
  const mix: Mix = {
    batch: [300, (random) => batch('batch', random, random.from(2, 60))],
    large: [4, (random) => batch('large', random, random.from(500, 2500))],
    unread: [30, (random) => ({ ...batch('unread', random, random.from(50, 1500)), readsLate: true })],
    deserted: [
      30,
      (random) => ({
        ...batch('deserted', random, random.from(50, 1500)),
        readsLate: true,
        leavesAtOnce: true,
        ending: 'reset',
      }),
    ],
    upgrade: [150, (random) => withUpgrade(random)],
    aborted: [150, (random) => aborted(random)],
    ambiguous: [250, (random) => ambiguous(random)],
    hostile: [100, (random) => hostile(random)],
    ...fewOf(protocolMix(() => ['GET /datafn/ws?token=fuzz:1 HTTP/1.1'])),
  };
  return {
    flags: [],
    admit: (namespace) => ({ query: `token=${namespace}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 200', 'HTTP 400', 'HTTP 403', 'HTTP 404', 'HTTP 405', 'close 1000'],
  };
}

function bytesOf(requests: readonly Request[]): Buffer {
  return Buffer.from(requests.map(({ text }) => text).join(''));
}

function headsOf(requests: readonly Request[]): ReadonlySet<number> {
  return new Set(requests.flatMap(({ text }, index) => (text.startsWith('HEAD ') ? [index] : [])));
}

function some(random: Random, count: number): Request[] {
  return Array.from({ length: count }, () => (random.chance(0.005) ? LAST : random.pick(REQUESTS)));
}

/** Requests in one write: each is answered, in order. */
function batch(kind: string, random: Random, count: number): SessionDraft {
  const requests = some(random, count);
  return {
    kind,
    inputs: count,
    heads: headsOf(requests),
    pieces: split(random, bytesOf(requests)),
    isAnswered: ({ http, isLast }) => isLast || http.length >= count,
    problem: (answers) => outOfOrder(requests, answers),
  };
}

type HttpAnswers = Pick<Answers, 'http' | 'isLast'>;

/**
 * What is wrong with the answers to requests in a row. After one that is the last there are no more; and a server may
 * stop to answer at a limit, which the ledger looks into.
 */
function outOfOrder(requests: readonly Request[], { http, isLast }: HttpAnswers): string | undefined {
  for (const [index, { status }] of http.entries()) {
    const expected = requests[index]?.status;
    if (status === expected) continue;
    const isEnd = isLast && index === http.length - 1;
    // 408 when this process was stopped in the middle of a request.
    if (isEnd && OF_LIMITS.has(status)) return undefined;
    return `expected answer ${index + 1} of ${requests.length} to be ${expected}, got ${status}`;
  }
  return undefined;
}

const OF_LIMITS = new Set([408, 429, 503]);

/** Requests, an upgrade behind them, and then frames, more requests or a second upgrade. */
function withUpgrade(random: Random): SessionDraft {
  const requests = some(random, random.below(20));
  const goodbye = frame(random, Buffer.from([0x03, 0xe8]), { opcode: 0x8, usual: true });
  const isFrames = random.chance(0.6);
  const rest = isFrames
    ? goodbye
    : Buffer.from(
        random.chance(0.5)
          ? UPGRADE
          : some(random, 3)
              .map(({ text }) => text)
              .join(''),
      );
  const all = Buffer.concat([bytesOf(requests), Buffer.from(UPGRADE), rest]);
  // What is no frame is a break of the protocol (RFC 6455 section 7.4.1).
  const code = isFrames ? 1000 : 1002;
  return {
    kind: 'upgrade',
    inputs: requests.length + 1,
    heads: headsOf(requests),
    pieces: split(random, all),
    isAnswered: ({ isLast }) => isLast,
    problem(answers) {
      const expected = [...requests, { text: UPGRADE, status: 101 }];
      const wrong = outOfOrder(expected, answers);
      if (wrong !== undefined) return wrong;
      return answers.close?.code === code || answers.statuses.length < expected.length
        ? undefined
        : `expected it to be closed with ${code}, got ${describe(answers)}`;
    },
  };
}

/** Requests, the last of which is broken off in its head or its body. */
function aborted(random: Random): SessionDraft {
  const requests = some(random, random.from(1, 20));
  const text = bytesOf(requests);
  const last = Buffer.from(requests.at(-1)?.text ?? '');
  const bytes = text.subarray(0, text.length - random.from(1, last.length - 1));
  return {
    kind: 'aborted',
    inputs: requests.length,
    heads: headsOf(requests),
    pieces: split(random, bytes),
    ending: random.chance(0.5) ? 'end' : 'reset',
    isAnswered: ({ http, isLast }) => isLast || http.length >= requests.length - 1,
    // Node answers a head that ends too early with 400, or not at all.
    problem: (answers) => outOfOrder(requests.slice(0, -1), withoutLast400(answers, requests.length)),
  };
}

/** Answers without that to the last of so many requests, if it is 400. */
function withoutLast400({ http, isLast }: HttpAnswers, requests: number): HttpAnswers {
  const isAnswered = http.length === requests && http.at(-1)?.status === 400;
  return { isLast, http: isAnswered ? http.slice(0, -1) : http };
}

/** Requests, and one that two readers would understand in different ways. */
function ambiguous(random: Random): SessionDraft {
  const requests = some(random, random.below(5));
  return {
    kind: 'ambiguous',
    inputs: requests.length + 1,
    heads: headsOf(requests),
    pieces: split(random, Buffer.concat([bytesOf(requests), ambiguousRequest(random)])),
    isAnswered: ({ isLast }) => isLast,
    problem(answers) {
      const wrong = outOfOrder([...requests, { text: '', status: 400 }], answers);
      if (wrong !== undefined) return wrong;
      return answers.http.length > requests.length + 1
        ? `expected the end of the connection after the 400, got ${describe(answers)}`
        : undefined;
    },
  };
}

/** Requests in which anything may be wrong, between requests in which nothing is. */
function hostile(random: Random): SessionDraft {
  const inputs = Array.from({ length: random.from(2, 30) }, () =>
    random.chance(0.3) ? apiInput(random) : Buffer.from(random.pick(WITH_BODIES).text),
  );
  const bytes = Buffer.concat(inputs);
  return {
    kind: 'hostile',
    inputs: inputs.length,
    pieces: split(random, random.chance(0.2) ? mutate(random, bytes) : bytes),
  };
}
