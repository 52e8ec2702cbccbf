import type { Answers } from './answers.js';
import { Ledger } from './ledger.js';
import type { Session } from './session.js';

/** What no answer may hold: a frame of a stack, or a path into the code. */
const LEAK = /\bat [^\n]*:\d+:\d+|node:internal|node_modules|\/dist\/\w/;

/** What has come of an attack so far. */
export class Toll {
  /** Inputs that the server has read, by kind. */
  readonly inputs: Record<string, number> = {};
  sessions = 0;
  /** HTTP answers by status, and close frames by code. */
  readonly answers = new Map<string, number>();
  readonly ledger: Ledger;
  /** What must not be, with the number of the session, which is all it takes to see it again. */
  readonly faults: string[] = [];

  /** @param ledger that of an earlier attack on the same server, to go on with. */
  constructor(ledger: Ledger = new Ledger()) {
    this.ledger = ledger;
  }

  get total(): number {
    return Object.values(this.inputs).reduce((sum, count) => sum + count, 0);
  }

  /**
   * Enters a session that is over.
   *
   * @param wasReset whether answers may have been lost.
   */
  add(session: Session, index: number, answers: Answers, wasReset: boolean): void {
    const { kind } = session;
    const read = Math.min(session.inputs, reached(answers));
    this.sessions += 1;
    this.inputs[kind] = (this.inputs[kind] ?? 0) + read;
    const fault = (what: string) => this.faults.push(`session ${index} (${kind}): ${what}`);
    this.ledger.enter(answers, wasReset, session.inputs - read);
    if (!wasReset && !isAnswered(session, answers)) {
      if (session.isAnswered === undefined || session.leavesAtOnce) this.ledger.abandonable += 1;
      else this.ledger.endedEarly += 1;
    }
    const wrong = wasReset ? undefined : session.problem?.(answers);
    if (wrong !== undefined) fault(wrong);
    // Without TLS, a server with TLS answers an alert.
    if (answers.broken !== undefined && session.tls !== 'never')
      fault(`neither HTTP nor a frame: ${JSON.stringify(answers.broken)}`);
    for (const { status, head, body } of answers.http) {
      this.#answered(`HTTP ${status}`);
      if (status === 500) fault('it was answered 500');
      if (LEAK.test(head) || LEAK.test(body)) fault(`it was told of the inside: ${head}${body}`);
    }
    if (answers.close !== undefined) this.#answered(`close ${answers.close.code}`);
  }

  #answered(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }
}

/** Whether a server has answered all of a session. */
export function isAnswered(session: Session, answers: Answers): boolean {
  return session.isAnswered?.(answers) ?? (answers.close !== undefined || reached(answers) > session.inputs);
}

/**
 * How many inputs the server has read: those that it has answered, and the one after them, which is why there was no
 * more.
 */
function reached({ isUpgraded, http, pongs }: Answers): number {
  return 1 + (isUpgraded ? http.length - 1 + pongs : http.length);
}
