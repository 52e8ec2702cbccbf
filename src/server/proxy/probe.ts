import type { Agent, IncomingMessage } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import { BodyView } from './body-view.js';
import { endToEnd } from './headers.js';
import { type Learned, learn } from './learn.js';
import type { Target } from './target.js';

/** What {@link Probes} work with. */
export interface ProbeParts {
  readonly target: Target;
  readonly agent: Agent;
  readonly timeoutMs: number;
  readonly limitBytes: number;
  readonly logger: DatafnLogger;
  learned(namespace: string, learned: Learned): void;
}

/** A reconcile of no tables, which answers the current cursor, counts nothing and changes nothing. */
const QUESTION = JSON.stringify({ clientId: 'datafn-ws-probe', resources: [] });

/** Headers of the caller that belong to its own body, or to what it wants of the response. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'expect',
  'trailer',
  'accept',
  'accept-encoding',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'range',
]);

/** Milliseconds a probe may take where requests may take forever. */
const TIMEOUT_MS = 30_000;

/**
 * Asks the backend for the cursor of a namespace, with the headers of a caller who changed something. One probe of a
 * namespace runs at a time; what changes meanwhile is asked for once more after it.
 */
export class Probes {
  /** The next caller to ask for, where there is one. */
  readonly #running = new Map<string, IncomingMessage | undefined>();
  #hasFailed = false;

  constructor(private readonly parts: ProbeParts) {}

  ask(namespace: string, caller: IncomingMessage): void {
    const isRunning = this.#running.has(namespace);
    this.#running.set(namespace, isRunning ? caller : undefined);
    if (!isRunning) this.#send(namespace, caller);
  }

  #send(namespace: string, caller: IncomingMessage): void {
    const { target, agent, timeoutMs, limitBytes } = this.parts;
    const headers = endToEnd(caller.rawHeaders, OF_THE_BODY);
    headers.push('Host', target.host, 'Accept', 'application/json', 'Content-Type', 'application/json');
    headers.push('Content-Length', String(Buffer.byteLength(QUESTION)));
    const request = target.request({
      ...target.where,
      agent,
      method: 'POST',
      path: target.pathOf('/reconcile'),
      headers,
      timeout: timeoutMs || TIMEOUT_MS,
    });
    const end = (why: string | undefined) => {
      if (why !== undefined) this.#failed(why);
      const next = this.#running.get(namespace);
      this.#running.delete(namespace);
      if (next !== undefined) this.ask(namespace, next);
    };
    let why: string | undefined = 'no response';
    request.on('timeout', () => request.destroy(new Error('no response in time')));
    request.on('error', (error) => {
      why = error.message;
    });
    request.on('close', () => end(why));
    request.on('response', (response) => {
      const { statusCode = 0 } = response;
      const view = new BodyView(response.headers['content-encoding'], limitBytes);
      response.on('data', (chunk: Buffer) => view.write(chunk));
      response.on('error', () => {});
      response.on('end', () =>
        view.end((seen) => {
          const known =
            seen && seen !== 'unseen' ? learn('reconcile', statusCode, undefined, seen) : undefined;
          if (known !== undefined) this.parts.learned(namespace, known);
          else if (statusCode !== 200) why = `it answered ${statusCode}`;
        }),
      );
      why = undefined;
    });
    request.end(QUESTION);
  }

  #failed(why: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.parts.logger.warn(
      `A probe for the cursor of a namespace failed, so its clients were not notified: ${why}. Later failures are not logged`,
    );
  }
}
