import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../support/deadline.js';
import { Answers } from './answers.js';
import type { Ledger } from './ledger.js';

/** Attacks that say little and take their time: each is a text that is sent byte by byte, and never ends. */
const SLOW: Readonly<Record<string, readonly [whole: string, trickle: string]>> = {
  'a connection that says nothing': ['', ''],
  'a handshake': ['', 'GET /datafn/ws?token=fuzz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '],
  'a head': ['POST /v1/cursors HTTP/1.1\r\nHost: 127.0.0.1\r\n', 'X: y\r\n'],
  'a body': [
    'POST /v1/cursors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n',
    '{"namespace":"fuzz"',
  ],
  'a chunked body': [
    'POST /v1/cursors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    '1\r\n[\r\n',
  ],
  'a frame': [
    'GET /datafn/ws?token=fuzz HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    '\u0001\u007e',
  ],
};

const TRICKLE_MS = 100;

/** Opens slow connections, `each` of every kind, and trickles into them until the server has cut them all. */
export async function slowAttack(
  port: number,
  each: number,
  withinMs: number,
  ledger: Ledger,
): Promise<string[]> {
  const faults: string[] = [];
  const victims = Object.entries(SLOW).flatMap(([what, texts]) =>
    Array.from({ length: each }, () =>
      trickle(port, texts).catch(() => faults.push(`${what} was never cut`)),
    ),
  );
  await within(Promise.all(victims), 'the end of every slow connection', withinMs);
  return faults;

  async function trickle(to: number, [whole, text]: readonly [string, string]): Promise<void> {
    const answers = new Answers();
    let wasReset = false;
    const socket: Socket = connect(to, '127.0.0.1').on('error', () => {
      wasReset = true;
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => answers.add(chunk));
    socket.write(whole);
    let isOpen = true;
    void closed.then(() => {
      isOpen = false;
      ledger.enter(answers, wasReset, 0);
    });
    const deadline = performance.now() + withinMs;
    for (let at = 0; isOpen; at++) {
      if (performance.now() > deadline) {
        socket.destroy();
        throw new Error('It is still open');
      }
      if (text !== '') socket.write(text[at % text.length] as string, 'latin1');
      await Promise.race([sleep(TRICKLE_MS), closed]);
    }
  }
}
