import { isRefusal } from '../../src/protocol/close-codes.js';
import type { ServerStats } from '../../src/server/health/statistics.js';
import type { Answers, HttpAnswer } from './answers.js';

/** Counters that also count what nobody can be told of, such as a TLS handshake that took too long. */
const AT_LEAST = new Set(['limited.slowRequests']);
/** Limits whose close has no reason. The echo of a client's own close cannot be told from it. */
const ECHOED = new Set(['limited.messageSize', 'limited.messageParts']);
/** How often a close at random has just the code of such a limit: once in a million inputs was seen. */
const MAX_ECHOES = 3;
/** Limits that end a connection without a word. */
const SILENT = ['pipelinedRequests', 'unreadAnswers', 'pendingConnections', 'descriptors'].map(
  (name) => `limited.${name}`,
);
/** Close reasons of limits. The peer's own reasons are random bytes. */
const LIMIT_OF_CLOSE: Readonly<Record<string, string>> = {
  '1009 ': 'limited.messageSize',
  '1008 ': 'limited.messageParts',
  '1008 Message rate exceeded': 'limited.messageRate',
  '1008 Hello timeout': 'limited.helloTimeout',
};

/**
 * What a server must have counted, worked out from what it answered. Names are those of `GET /v1/stats`, such as
 * `refused.4401`.
 */
export class Ledger {
  readonly #seen = new Map<string, number>();
  /** Connections that were reset before it was known what became of them. */
  unknownConnections = 0;
  /** Requests on those. */
  unknownRequests = 0;
  /** Connections that may have gone away before they were answered. */
  abandonable = 0;
  /** Connections that the server ended before it had answered what it must answer, without a word. */
  endedEarly = 0;

  seen(name: string): number {
    return this.#seen.get(name) ?? 0;
  }

  /**
   * Enters what came on one connection.
   *
   * @param wasReset whether more may have been sent than was read here.
   * @param unanswered how many requests may have been answered unread.
   */
  enter(answers: Answers, wasReset: boolean, unanswered: number): void {
    for (const answer of answers.http) for (const name of countersOf(answer)) this.#count(name);
    const { close, isUpgraded } = answers;
    if (wasReset && !answers.isLast) {
      this.unknownConnections += 1;
      this.unknownRequests += unanswered;
    } else if (isUpgraded) {
      this.#enterEnd(close);
    }
  }

  #enterEnd(close: Answers['close']): void {
    if (close !== undefined && isRefusal(close.code, close.reason) && isOurs(close)) {
      this.#count(`refused.${close.code}`);
      return;
    }
    this.#count('accepted');
    this.#count(`closed.${close?.code ?? 1006}`);
    const limit = close && LIMIT_OF_CLOSE[`${close.code} ${close.reason}`];
    if (limit !== undefined) this.#count(limit);
  }

  #count(name: string): void {
    this.#seen.set(name, this.seen(name) + 1);
  }

  /** Where the counters of the server, from `before` to `after`, are not what they must be. */
  disagreements(before: ServerStats, after: ServerStats): string[] {
    const problems: string[] = [];
    const closed = sum(after.closed);
    if (after.accepted !== after.connections + closed)
      problems.push(`${after.accepted} accepted, but ${after.connections} open and ${closed} closed`);
    if (after.rejected !== sum(after.refused))
      problems.push(`${after.rejected} rejected, but ${sum(after.refused)} refused`);
    const [old, now] = [flat(before), flat(after)];
    const known = [...now.keys()].filter((name) => /^(refused|closed|limited)\./.test(name));
    for (const name of new Set(['accepted', ...known, ...this.#seen.keys()])) {
      if (!ANSWERED.test(name)) continue;
      const counted = (now.get(name) ?? 0) - (old.get(name) ?? 0);
      const seen = this.seen(name);
      const missed = this.unknownConnections + (name.startsWith('limited.') ? this.unknownRequests : 0);
      const least = ECHOED.has(name) ? seen - MAX_ECHOES : seen;
      if (counted >= least && (counted <= seen + missed || AT_LEAST.has(name))) continue;
      problems.push(
        `${name}: the server counted ${counted}, clients saw ${seen}, and at most ${missed} may have missed it`,
      );
    }
    const silent = SILENT.reduce((total, name) => total + (now.get(name) ?? 0) - (old.get(name) ?? 0), 0);
    if (this.endedEarly > silent)
      problems.push(`${this.endedEarly} connections ended unanswered, but limits ended only ${silent}`);
    const abandoned = after.abandoned - before.abandoned;
    const early = this.unknownConnections + this.abandonable;
    if (abandoned > early)
      problems.push(`abandoned: the server counted ${abandoned}, but only ${early} can have left early`);
    return problems;
  }

  /** For a summary: each counter and what was seen. */
  toString(): string {
    return [...this.#seen]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  }
}

/** Counters of what a client learns. */
const ANSWERED =
  /^(accepted|(refused|closed)\.\d+|limited\.(messageSize|messageParts|messageRate|helloTimeout|origin|slowRequests|bodySize|batchItems|handshakes|pendingAuth|connectionsPerAddress))$/;

/** The counters that go up with an HTTP answer. */
function countersOf({ status, head, body }: HttpAnswer): string[] {
  const says = (words: string) => body.includes(words);
  switch (status) {
    case 400:
      return /\r\nsec-websocket-version:/i.test(head) || says('data before its handshake')
        ? ['refused.400']
        : [];
    case 403: {
      const isOrigin = says('"Expected the Origin');
      // Of the API it names the field.
      const isUpgrade = isOrigin ? !says('"field":"Origin"') : says('Expected the Host header to be');
      return [...(isOrigin ? ['limited.origin'] : []), ...(isUpgrade ? ['refused.403'] : [])];
    }
    case 404:
      return says('No WebSocket at') ? ['refused.404'] : [];
    case 405:
      return says('A WebSocket handshake is a GET') ? ['refused.405'] : [];
    case 408:
      return ['limited.slowRequests'];
    case 413:
      return [says('cursors in one request') ? 'limited.batchItems' : 'limited.bodySize'];
    case 429:
      return ['refused.429', 'limited.connectionsPerAddress'];
    case 503:
      if (says('are connecting')) return ['refused.503', 'limited.handshakes'];
      return says('are being authenticated') ? ['refused.503', 'limited.pendingAuth'] : [];
    default:
      return [];
  }
}

/** Whether a close is the server's, and not the echo of one with random bytes for a reason. */
function isOurs({ reason }: { readonly reason: string }): boolean {
  return reason === 'Unauthorized' || / limit reached$/.test(reason);
}

function flat(stats: ServerStats): Map<string, number> {
  const counts = new Map([['accepted', stats.accepted]]);
  for (const group of ['refused', 'closed', 'limited'] as const)
    for (const [name, count] of Object.entries(stats[group])) counts.set(`${group}.${name}`, count);
  return counts;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
