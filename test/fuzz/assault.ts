import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../support/deadline.js';
import { type Kind, type Session, sessionOf } from './inputs.js';

/** What no answer may hold: a frame of a stack, or a path into the code. */
const LEAK = /\bat [^\n]*:\d+:\d+|node:internal|node_modules|\/dist\/\w/;
/** What is looked at of an answer. */
const KEPT_BYTES = 64 * 1024;
/** How long the server may take to end a connection that this end has closed. Far longer than it needs. */
const END_WITHIN_MS = 20_000;
/** After so long without an answer, none is waited for any more. */
const QUIET_MS = 50;
/** Sessions at the same time. */
const LANES = 48;
/** One source address has some 28,000 ports, and a port rests for a minute: so many addresses are used in turn. */
const SOURCE_ADDRESSES = 100;

/** What has come of an assault so far. */
export class Toll {
  readonly inputs: Record<Kind, number> = { raw: 0, handshake: 0, frames: 0, hello: 0, api: 0 };
  sessions = 0;
  /** HTTP answers by status, and close frames by code. */
  readonly answers = new Map<string, number>();
  /** What must not be: told with the number of the session, which is all it takes to see it again. */
  readonly faults: string[] = [];

  get total(): number {
    return Object.values(this.inputs).reduce((sum, count) => sum + count, 0);
  }

  /** A session in which the server has come so far. */
  add(kind: Kind, inputs: number): void {
    this.sessions += 1;
    this.inputs[kind] += inputs;
  }

  answered(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }
}

export interface AssaultOptions {
  readonly port: number;
  readonly seed: number;
  /** Number of the first session. */
  readonly from: number;
  /** Ends when at least so many inputs have been sent. */
  readonly inputs: number;
  /** Told of each session that is over. */
  onProgress?(toll: Toll): void;
}

/** Attacks a server. Resolves when every connection has ended. */
export async function assault({ port, seed, from, inputs, onProgress }: AssaultOptions): Promise<Toll> {
  const toll = new Toll();
  let next = from;
  const lane = async () => {
    while (toll.total < inputs && toll.faults.length < 10) {
      const index = next++;
      const session = sessionOf(seed, index);
      try {
        await run(session, port, index, toll);
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

async function run(session: Session, port: number, index: number, toll: Toll): Promise<void> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    localAddress: `127.0.1.${1 + (Math.abs(index) % SOURCE_ADDRESSES)}`,
  });
  socket.setNoDelay(true);
  let answer = Buffer.alloc(0);
  let whenData = () => {};
  socket.on('data', (chunk: Buffer) => {
    if (answer.length < KEPT_BYTES) answer = Buffer.concat([answer, chunk]);
    whenData();
  });
  socket.on('error', () => {});
  /** Resolves when all is answered, or nothing more comes: to leave at once would make the server drop answers. */
  const quiet = async () => {
    let isQuiet = false;
    whenData = () => {
      isQuiet = false;
    };
    while (!isQuiet && !socket.destroyed && reached(session, answer) <= session.inputs) {
      isQuiet = true;
      await Promise.race([sleep(QUIET_MS), closed]);
    }
  };
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const { opening, pieces, ending } = session;
  if (opening !== undefined) {
    const answered = new Promise<void>((resolve) => {
      whenData = resolve;
    });
    socket.write(opening);
    await within(Promise.race([answered, closed]), 'an answer to the handshake', END_WITHIN_MS);
  }
  for (const piece of pieces) await write(socket, piece);
  await quiet();
  if (ending === 'end') {
    socket.end();
    await within(closed, 'the end of a connection that was closed from here', END_WITHIN_MS);
  } else {
    socket.resetAndDestroy();
    await closed;
  }
  const text = answer.toString('latin1');
  toll.add(session.kind, Math.min(session.inputs, reached(session, answer)));
  if (LEAK.test(text)) toll.faults.push(`session ${index} (${session.kind}) was told of the inside: ${text}`);
  const { closeCode } = framesOf(answer);
  for (const status of statusesOf(answer)) toll.answered(`HTTP ${status}`);
  if (closeCode !== undefined) toll.answered(`close ${closeCode}`);
}

/**
 * How many inputs the server has read: those that it has answered, and the one after them, which is why there was no
 * more.
 */
function reached({ kind }: Session, answer: Buffer): number {
  return 1 + (kind === 'api' ? statusesOf(answer).length : framesOf(answer).pongs);
}

function statusesOf(answer: Buffer): (string | undefined)[] {
  return [...answer.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
}

/** Writes, and lets the piece go out before the next. */
function write(socket: Socket, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || piece.length === 0) resolve();
    else socket.write(piece, () => setImmediate(resolve));
  });
}

/** The pongs and the close frame that follow an accepted handshake. */
function framesOf(answer: Buffer): { pongs: number; closeCode: number | undefined } {
  let pongs = 0;
  let at = answer.indexOf('\r\n\r\n') + 4;
  if (at < 4 || !answer.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) at = answer.length;
  while (at + 1 < answer.length) {
    const length = answer[at + 1] as number;
    if (answer[at] === 0x88) return { pongs, closeCode: length >= 2 ? answer.readUInt16BE(at + 2) : 1005 };
    if (answer[at] === 0x8a && length === 1) pongs += 1;
    // Frames of the server are short, and none is masked.
    at += 2 + (length < 126 ? length : length === 126 ? 2 + answer.readUInt16BE(at + 2) : 10);
  }
  return { pongs, closeCode: undefined };
}
