import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { EVENT_WITHIN_MS, within } from '../support/deadline.js';
import { Answers } from './answers.js';
import type { Ledger } from './ledger.js';
import type { Session } from './session.js';
import { isAnswered, Toll } from './toll.js';

/** How long the server may take to end a connection that this end has closed. Far longer than it needs. */
const END_WITHIN_MS = EVENT_WITHIN_MS;
/** After so long without an answer, none is waited for any more. */
const QUIET_MS = 50;
/** Sessions at the same time. */
const LANES = 48;
/** One source address has some 28,000 ports, and a port rests for a minute: so many addresses are used in turn. */
const SOURCE_ADDRESSES = 100;

export interface AssaultOptions {
  readonly port: number;
  /** Whether the server speaks TLS. */
  readonly isTls: boolean;
  /** The session with this number: always the same one. */
  sessionOf(index: number): Session;
  /** Number of the first session. */
  readonly from: number;
  /** Ends when at least so many inputs have been sent. */
  readonly inputs: number;
  /** What other attacks on this server have come to. */
  readonly ledger: Ledger;
  /** Called after each session. */
  onProgress?(toll: Toll): void;
}

/** Attacks a server. Resolves when every connection has ended. */
export async function assault(options: AssaultOptions): Promise<Toll> {
  const { inputs, sessionOf, ledger, onProgress } = options;
  const toll = new Toll(ledger);
  let next = options.from;
  const lane = async () => {
    while (toll.total < inputs && toll.faults.length < 10) {
      const index = next++;
      const session = sessionOf(index);
      try {
        await run(session, index, options, toll);
      } catch (error) {
        toll.faults.push(`session ${index} (${session.kind}): ${String(error)}`);
      }
      onProgress?.(toll);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return toll;
}

/** Where the next assault goes on. */
export function nextSession(from: number, toll: Toll): number {
  return from + toll.sessions;
}

async function run(session: Session, index: number, options: AssaultOptions, toll: Toll): Promise<void> {
  const { socket, beneath } = open(session, index, options);
  const answers = new Answers(session.heads);
  let wasReset = false;
  let whenData = () => {};
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  for (const one of [socket, beneath]) {
    one.on('error', () => {
      wasReset = true;
    });
  }
  if (session.readsLate) socket.pause();
  socket.on('data', (chunk: Buffer) => {
    answers.add(chunk);
    whenData();
  });
  if (session.opening !== undefined) {
    const answered = new Promise<void>((resolve) => {
      whenData = resolve;
    });
    socket.write(session.opening);
    await within(Promise.race([answered, closed]), 'an answer to the opening', END_WITHIN_MS);
  }
  const way = session.tls === 'beneath the opening' ? beneath : socket;
  for (const piece of session.pieces) await write(way, piece, session.readsLate === true);
  if (session.readsLate) {
    await sleep(QUIET_MS);
    socket.resume();
  }
  if (!session.leavesAtOnce) await settled();
  const isSettled = isAnswered(session, answers);
  if (session.ending === 'end') {
    socket.end();
    await within(closed, 'the end of a connection that was closed from here', END_WITHIN_MS);
  } else {
    beneath.resetAndDestroy();
    await closed;
  }
  toll.add(session, index, answers, wasReset || (session.ending === 'reset' && !isSettled));

  /**
   * Resolves when all is answered, or nothing more comes: to leave at once would make the server drop answers. What
   * has to be answered is waited for; else a moment of silence is an answer, too.
   */
  async function settled(): Promise<void> {
    if (session.isAnswered !== undefined) {
      const answered = new Promise<void>((resolve) => {
        whenData = () => {
          if (isAnswered(session, answers)) resolve();
        };
        whenData();
      });
      await within(Promise.race([answered, closed]), () => `an answer (${answers.statuses})`, END_WITHIN_MS);
      return;
    }
    let isQuiet = false;
    whenData = () => {
      isQuiet = false;
    };
    while (!isQuiet && !socket.destroyed && !isAnswered(session, answers)) {
      isQuiet = true;
      await Promise.race([sleep(QUIET_MS), closed]);
    }
  }
}

/** Connects. `beneath` is the TCP connection: the same one, or that of TLS. */
function open(session: Session, index: number, { port, isTls }: AssaultOptions) {
  const beneath = connect({
    port,
    host: '127.0.0.1',
    localAddress: `127.0.1.${1 + (Math.abs(index) % SOURCE_ADDRESSES)}`,
  });
  beneath.setNoDelay(true);
  if (!isTls || session.tls === 'never') return { socket: beneath, beneath };
  return { socket: connectTls({ socket: beneath, rejectUnauthorized: false }), beneath };
}

/** Writes, and lets the piece go out before the next, unless the peer may have stopped reading. */
function write(socket: Socket, piece: Buffer, isUnheeded: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || piece.length === 0) resolve();
    else socket.write(piece, () => setImmediate(resolve));
    if (isUnheeded) setImmediate(resolve);
  });
}
