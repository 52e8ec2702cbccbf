import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { within } from '../support/deadline.js';

/**
 * Resolves when a ping of this client was answered, or its connection has ended. Frames keep their order on a
 * connection, so whatever was sent before the ping, or before its answer, has arrived then.
 */
export async function wsRoundTrip(socket: WebSocket, closed: Promise<unknown>): Promise<void> {
  const token = randomUUID();
  let answered: ((data: Buffer) => void) | undefined;
  const pong = new Promise<void>((resolve) => {
    answered = (data) => {
      if (data.toString() === token) resolve();
    };
    socket.on('pong', answered);
  });
  socket.ping(token);
  await within(Promise.race([pong, closed]), 'the answer to a ping');
  if (answered !== undefined) socket.off('pong', answered);
}
