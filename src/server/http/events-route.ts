import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe } from '../../protocol/identifiers.js';
import { didYouMean } from '../../text/nearest.js';
import type { ServerEvents } from '../events/events.js';
import { type EventFeed, message, RING_SIZE } from '../feed/event-feed.js';
import { FEED_KINDS, filterRule } from '../feed/recorder.js';
import { ProblemError, retryAfter } from './problem.js';

/** Readers of `GET /v1/events` at a time. Each costs a descriptor, and up to about a MiB when it is slow. */
const MAX_READERS = 100;
/** A reader beyond that may try again after this. */
const RETRY_MS = 5000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would collect events before it passes them on.
  'x-accel-buffering': 'no',
};

/** What `GET /v1/events` works with. */
export interface EventsRouteParts {
  readonly feed: EventFeed;
  readonly events: Pick<ServerEvents, 'limited'>;
  /** What the `server` event says, the first of each answer. */
  readonly about: object;
  /** The answer to a request has no end. */
  stream(request: IncomingMessage): void;
}

/** Answers `GET /v1/events` with server-sent events. */
export function answerEvents(
  request: IncomingMessage,
  response: ServerResponse,
  { feed, events, about, stream }: EventsRouteParts,
): void {
  const wanted = readQuery(request.url ?? '');
  if (request.method === 'HEAD') {
    response.writeHead(200, HEADERS).end();
    return;
  }
  if (feed.readers >= MAX_READERS) {
    for (const [name, value] of Object.entries(retryAfter(RETRY_MS))) response.setHeader(name, value);
    throw new ProblemError(503, `Expected at most ${MAX_READERS} readers of the events, got one more`, {
      fix: 'Close a dashboard or a reader that is not needed, and try again.',
    });
  }
  stream(request);
  response.writeHead(200, HEADERS);
  response.write(message('server', about));
  const leave = feed.follow(
    {
      get waitingBytes() {
        return response.writableLength;
      },
      write: (text) => response.write(text),
      end: () => response.end(),
      drop() {
        events.limited?.('unreadAnswers');
        response.destroy();
      },
    },
    { ...wanted, lastEventId: header(request.headers['last-event-id']) },
  );
  response.once('close', leave);
}

const PARAMETERS = ['namespace', 'client', 'kind', 'last'];

function readQuery(url: string) {
  const query = new URLSearchParams(url.split('?', 2)[1]);
  for (const name of query.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw new ProblemError(
        400,
        `Expected the parameters ${PARAMETERS.join(', ')}, got ${describe(name)}.${didYouMean(name, PARAMETERS)}`,
        { field: 'query' },
      );
    }
  }
  const kinds = query.getAll('kind').flatMap((text) => text.split(','));
  for (const kind of kinds) {
    if (FEED_KINDS.some((one) => one === kind)) continue;
    throw new ProblemError(
      400,
      `Expected a kind of event, got ${describe(kind)}.${didYouMean(kind, FEED_KINDS)}`,
      {
        field: 'kind',
        fix: `The kinds are ${FEED_KINDS.join(', ')}.`,
      },
    );
  }
  const last = query.get('last') ?? '0';
  if (!/^\d{1,4}$/.test(last) || Number(last) > RING_SIZE) {
    throw new ProblemError(
      400,
      `Expected \`last\` to be a whole number from 0 to ${RING_SIZE}, got ${describe(last)}`,
      { field: 'last' },
    );
  }
  const matches = filterRule({
    namespaces: query.getAll('namespace'),
    clients: query.getAll('client'),
    kinds,
  });
  return { last: Number(last), matches };
}

function header(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.at(-1) : value;
}
