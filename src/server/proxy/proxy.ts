import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { DatafnLogger } from '../../manager/types.js';
import type { ServerSettings } from '../../options/server-options.js';
import type { AuthDecision } from '../auth/provider.js';
import type { ServerEvents } from '../events/events.js';
import type { CursorItem } from '../http/cursors.js';
import type { ProblemExtra } from '../http/problem.js';
import { pathOf } from '../http/request-target.js';
import { BackendState } from './backend-state.js';
import { CursorFeed } from './cursor-feed.js';
import { type Answered, answerProblem, Exchange, type ExchangeParts } from './exchange.js';
import { datafnRoute, type Learned, learn } from './learn.js';
import { Probes } from './probe.js';
import { hasDotSegments, targetOf } from './target.js';

/** Why a request may not pass. */
interface Refused extends ProblemExtra {
  readonly status: number;
  readonly detail: string;
}

/** What a {@link BackendProxy} works with. */
export interface ProxyParts {
  /** URL of the backend. */
  readonly url: string;
  /** Path of the DataFn remote at this server, such as `/datafn`. */
  readonly remote: string;
  readonly settings: ServerSettings;
  readonly logger: DatafnLogger;
  readonly events: ServerEvents;
  /** The namespace of who sent a request, as for a WebSocket client. */
  authenticate(request: IncomingMessage): AuthDecision | Promise<AuthDecision>;
  /** Whether a request comes from a proxy whose X-Forwarded headers count. */
  isTrusted(request: IncomingMessage): boolean;
  broadcast(item: CursorItem): unknown;
  /** Sends a cursor that was broadcast once more. */
  repeat(item: CursorItem): unknown;
  /** Raises the remembered newest cursor of a namespace. */
  remember(namespace: string, cursor: string): void;
}

/**
 * How long a connection to the backend may be idle. Servers close idle ones too, after 2 s and more, and a request that is
 * sent at that moment fails.
 */
const IDLE_MS = 1500;
const MAX_IDLE = 256;

/** Passes requests under the remote on to a DataFn backend, and broadcasts the cursors in its responses. */
export class BackendProxy {
  readonly #exchangeParts: ExchangeParts;
  readonly #feed: CursorFeed;
  readonly #probes: Probes | undefined;
  readonly #inFlight = new Set<ServerResponse>();
  #isClosing = false;
  #onIdle: (() => void) | undefined;
  /** What was warned of: once each. */
  readonly #warned = new Set<string>();

  constructor(private readonly parts: ProxyParts) {
    const { url, remote, settings, logger } = parts;
    const target = targetOf(url, remote);
    const agent = new (target.isSecure ? TlsAgent : Agent)({
      keepAlive: true,
      maxFreeSockets: MAX_IDLE,
      timeout: IDLE_MS,
    });
    const { requestTimeoutMs: timeoutMs, inspectLimitBytes: limitBytes } = settings;
    const state = new BackendState(target.origin, logger);
    this.#exchangeParts = { target, agent, state, timeoutMs, limitBytes };
    const { rememberNamespaces: maxNamespaces } = settings;
    this.#feed = new CursorFeed({
      broadcast: (item) => parts.broadcast(item),
      repeat: (item) => parts.repeat(item),
      remember: (namespace, cursor) => parts.remember(namespace, cursor),
      maxNamespaces,
      logger,
    });
    if (!settings.probe) return;
    this.#probes = new Probes({
      target,
      agent,
      timeoutMs,
      limitBytes,
      logger,
      learned: (namespace, learned) => this.#feed.learned(namespace, learned, this.#feed.moment),
    });
  }

  /**
   * Answers a request under the remote.
   *
   * @param refusal answers it with a problem document instead.
   */
  handle(request: IncomingMessage, response: ServerResponse, refusal: Refused | undefined): void {
    const { remote, isTrusted } = this.parts;
    const { method = '', url = '' } = request;
    if (refusal !== undefined) {
      const { status, detail, field, fix } = refusal;
      answerProblem(response, status, detail, { field, fix, keepsConnection: false });
      return;
    }
    if (this.#isClosing) {
      answerProblem(response, 503, 'The server is shutting down', { keepsConnection: false });
      return;
    }
    const path = pathOf(url);
    if (hasDotSegments(path)) {
      answerProblem(response, 400, 'Expected a path without . and .. segments', {
        field: 'path',
        fix: 'Send the path that they lead to.',
      });
      return;
    }
    const below = path.slice(remote.length);
    const query = url.indexOf('?');
    const target = this.#exchangeParts.target.pathOf(query === -1 ? below : below + url.slice(query));
    const route = datafnRoute(method, below);
    const since = this.#feed.moment;
    this.#inFlight.add(response);
    response.once('close', () => {
      this.#inFlight.delete(response);
      if (this.#inFlight.size === 0) this.#onIdle?.();
    });
    const exchange = new Exchange(this.#exchangeParts, request, response, target, route, (answered) =>
      this.#answered(request, answered, since),
    );
    exchange.start(isTrusted(request));
  }

  /** Takes no more requests. Resolves when those under way are answered, or after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, timeoutMs);
        this.#onIdle = () => {
          clearTimeout(deadline);
          // What was learned from the last of them is broadcast in the next tick.
          setImmediate(() => setImmediate(resolve));
        };
      });
    }
    this.#feed.stop();
    this.#exchangeParts.agent.destroy();
  }

  #answered(request: IncomingMessage, { route, status, asked, answer }: Answered, since: number): void {
    if (answer === 'unseen' || asked === 'unseen') this.parts.events.limited?.('inspectedBody');
    const known = asked === 'unseen' ? undefined : asked;
    const learned =
      answer === undefined || answer === 'unseen' ? undefined : learn(route, status, known, answer);
    const hasChanged =
      status >= 200 && status < 300 && (route === 'write' || (route === 'push' && answer === 'unseen'));
    if (learned === undefined && !hasChanged) return;
    if (learned === undefined && this.#probes === undefined) {
      this.#warnOnce(
        'probe',
        'A change went through the proxy whose response has no cursor, so no client was notified: mutation, transact and REST have none. Start the server with --probe to ask the backend for it',
      );
      return;
    }
    const decision = this.parts.authenticate(request);
    const take = (one: AuthDecision) => this.#take(request, one, learned, since);
    if (decision instanceof Promise) void decision.then(take);
    else take(decision);
  }

  #take(request: IncomingMessage, decision: AuthDecision, learned: Learned | undefined, since: number): void {
    if ('why' in decision) {
      this.#warnOnce(
        'namespace',
        `A cursor of the backend was not broadcast, because its request has no namespace${decision.why === undefined ? '' : ` (${decision.why})`}: send the token of the WebSocket client with HTTP requests too, as Authorization: Bearer, cookie datafn_token or ?token=; with --auth dev, --anonymous-namespace NS is for requests without one`,
      );
      return;
    }
    const { namespace } = decision;
    if (learned === undefined) this.#probes?.ask(namespace, request);
    else this.#feed.learned(namespace, learned, since);
  }

  #warnOnce(what: string, text: string): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.parts.logger.warn(`${text}. Later cases are not logged`);
  }
}
