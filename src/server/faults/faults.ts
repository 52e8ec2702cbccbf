import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { NewestCursors } from '../../manager/newest-cursors.js';
import type { WebSocketManager } from '../../manager/web-socket-manager.js';
import { CLOSE, type CloseCode } from '../../protocol/close-codes.js';
import type { ServerEvents } from '../events/events.js';
import { connectionInfo } from '../events/events.js';
import { type Refusal, retryAfter } from '../http/problem.js';
import type { ConnectionFaults, HandshakeFault } from '../ws/connection-faults.js';
import type { Connections } from '../ws/connections.js';
import type { ServerSocket } from '../ws/server-socket.js';
import { ActiveRule, type FaultControl, type FaultsView, seededRandom } from './active-rule.js';
import { ClientFaults, type ClientFaultsOwner } from './client-faults.js';
import { disturbRequest, type HttpFaultScene } from './http-faults.js';
import { type CompletePlan, parsePlan } from './plan.js';
import { reset } from './socket-faults.js';
import { Timers } from './timers.js';

/** What {@link Faults} works with. */
export interface FaultsParts {
  readonly connections: Connections;
  readonly manager: WebSocketManager;
  /** What the server remembers, if it does. */
  readonly newest: NewestCursors | undefined;
  readonly events: ServerEvents;
}

const RETRY_MS = 1000;

/** The faults of a server. While there are no rules, nothing in the server knows of it. */
export class Faults implements ConnectionFaults, ClientFaultsOwner, FaultControl {
  readonly timers = new Timers();
  #seed = 1;
  #rules: readonly ActiveRule[] = [];
  readonly #clients = new Map<ServerSocket, ClientFaults>();
  /** Rules by which the server is away now. */
  readonly #away = new Set<ActiveRule>();

  constructor(private readonly parts: FaultsParts) {}

  /**
   * Replaces all rules.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a plan that is not valid; nothing is changed then.
   */
  set(plan: unknown): void {
    this.#begin(parsePlan(plan));
  }

  /** Ends all rules: what they held back is released. */
  clear(): void {
    this.#begin({ seed: 1, rules: [] });
  }

  view(): FaultsView {
    return {
      seed: this.#seed,
      rules: this.#rules.map((rule) => rule.view),
      isActive: this.#rules.some((rule) => !rule.isOver),
    };
  }

  #begin({ seed, rules }: CompletePlan): void {
    const { connections, events } = this.parts;
    const hadRules = this.#rules.length > 0;
    this.#uninstall();
    this.#seed = seed;
    this.#rules = rules.map(
      (rule, index) =>
        new ActiveRule(rule, seededRandom(seed + index * 7919), (fault, client) =>
          events.fault?.(fault, client && connectionInfo(client)),
        ),
    );
    if (rules.length > 0 || hadRules) events.faultsSet?.(rules.map(({ fault }) => fault));
    if (rules.length === 0) return;
    connections.faults = this;
    for (const rule of this.#rules) this.#schedule(rule);
    for (const client of [...connections.admitted()]) this.#wrap(client)?.at('now');
  }

  /** Leaves the server as if it had never had rules. */
  #uninstall(): void {
    this.parts.connections.faults = undefined;
    for (const rule of this.#rules) rule.end();
    for (const client of this.#clients.values()) client.remove();
    this.#clients.clear();
    this.#away.clear();
    this.timers.clear();
  }

  #schedule(rule: ActiveRule): void {
    const { fault, forMs, settings } = rule.rule;
    if (forMs !== undefined) {
      this.timers.later(forMs, () => {
        rule.end();
        if (this.#rules.every(({ hasEnded }) => hasEnded)) this.#uninstall();
      });
    }
    if (fault !== 'offline' && fault !== 'restart') return;
    rule.whenEnded(() => this.#away.delete(rule));
    if (settings.everyMs === 0) {
      this.#goAway(rule);
      return;
    }
    const again = () =>
      this.timers.later(settings.everyMs, () => {
        if (rule.isOver) return;
        this.#goAway(rule);
        again();
      });
    again();
  }

  #goAway(rule: ActiveRule): void {
    if (!rule.takes()) return;
    const { connections, newest } = this.parts;
    const { fault, match, settings } = rule.rule;
    this.#away.add(rule);
    if (settings.downMs !== undefined) this.timers.later(settings.downMs, () => this.#away.delete(rule));
    for (const client of [...connections.admitted()]) {
      if (!rule.isAbout(client.namespace)) continue;
      if (fault === 'restart') client.close(CLOSE.goingAway.code, CLOSE.goingAway.reason);
      else if (client.rawSocket !== undefined) reset(client.rawSocket);
    }
    if (fault === 'restart') newest?.forget(match.namespace);
  }

  handshake(namespace: string | undefined): HandshakeFault | undefined {
    for (const rule of this.#away)
      if (rule.isAbout(namespace)) return { wait: (goOn) => goOn(), end: 'reset' };
    let delayMs = 0;
    let unanswered: ActiveRule | undefined;
    let end: Refusal | CloseCode | undefined;
    for (const rule of this.#rules) {
      if (rule.stage !== 'handshake' || !rule.isAbout(namespace)) continue;
      if (rule.rule.fault === 'refuse' && end !== undefined) continue;
      if (!rule.takes()) continue;
      if (rule.rule.fault === 'delay-handshake') delayMs += rule.delayMs();
      else if (rule.rule.fault === 'no-answer') unanswered = rule;
      else end = refusalOf(rule);
    }
    if (delayMs === 0 && unanswered === undefined && end === undefined) return undefined;
    return {
      end,
      wait: (goOn) => {
        if (unanswered !== undefined) unanswered.whenEnded(goOn);
        else if (delayMs > 0) this.#waitFor(delayMs, goOn);
        else goOn();
      },
    };
  }

  /** Takes a request of a DataFn client, whose answer comes from `answer`; false when no rule is about requests. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    answer: RequestListener,
    scene: HttpFaultScene,
  ): boolean {
    const rules = this.#rules.filter((rule) => rule.stage === 'http' && !rule.isOver);
    if (rules.length === 0 && this.#away.size === 0) return false;
    const away = this.#away;
    const waitFor = (ms: number, goOn: () => void) => this.#waitFor(ms, goOn);
    void disturbRequest(request, response, answer, { rules, away, waitFor }, scene);
    return true;
  }

  /** Calls back after `ms`, or when the rules are replaced. */
  #waitFor(ms: number, goOn: () => void): void {
    const cancels = this.#rules.map((rule) => rule.whenEnded(() => once()));
    let isDone = false;
    const once = () => {
      if (isDone) return;
      isDone = true;
      for (const cancel of cancels) cancel();
      goOn();
    };
    this.timers.later(ms, once);
  }

  admitted(client: ServerSocket): void {
    this.#wrap(client)?.at('open');
  }

  hello(client: ServerSocket, clientId: string): void {
    // The manager learns it after this.
    this.#helloId = clientId;
    this.#clients.get(client)?.at('hello');
    this.#helloId = undefined;
  }

  #helloId: string | undefined;

  gone(client: ServerSocket): void {
    this.#clients.get(client)?.dispose();
    this.#clients.delete(client);
  }

  clientIdOf(client: ServerSocket): string | undefined {
    return this.#helloId ?? this.parts.manager.describeClient(client)?.clientId;
  }

  missed(client: ServerSocket, cursor: string): void {
    this.parts.connections.behind.missed(client, cursor);
  }

  deliveredLate(): void {
    this.parts.events.deliveredLate?.();
  }

  pongOf(client: ServerSocket): void {
    this.parts.manager.handlePong(client);
  }

  #wrap(client: ServerSocket): ClientFaults | undefined {
    const rules = this.#rules.filter(
      (rule) =>
        rule.stage !== 'handshake' &&
        rule.stage !== 'http' &&
        !isOfServer(rule) &&
        rule.isAbout(client.namespace),
    );
    if (rules.length === 0) return undefined;
    const faults = new ClientFaults(client, rules, this);
    this.#clients.set(client, faults);
    return faults;
  }
}

/** Whether a rule is about the server as a whole, and not about what a client is sent. */
function isOfServer({ rule: { fault } }: ActiveRule): boolean {
  return fault === 'offline' || fault === 'restart';
}

function refusalOf({ rule: { settings } }: ActiveRule): Refusal | CloseCode {
  const { status, code, reason } = settings;
  if (code !== undefined) return { code, reason, reconnect: true };
  return {
    status: status as number,
    detail: reason === '' ? 'Refused by a fault of this server' : reason,
    headers:
      status === 401
        ? { 'WWW-Authenticate': 'Bearer' }
        : status === 429 || status === 503
          ? retryAfter(RETRY_MS)
          : {},
  };
}
