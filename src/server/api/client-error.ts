import type { Duplex } from 'node:stream';
import { endWithProblem } from './raw-problem.js';

/** For `clientError` of an HTTP server: what is no HTTP request at all, too long, or too slow in coming. */
export function answerUnparsable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      endWithProblem(socket, { status: 431, detail: 'Expected shorter headers' });
      break;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      endWithProblem(socket, { status: 408, detail: 'Expected the whole request sooner' });
      break;
    default:
      endWithProblem(socket, { status: 400, detail: 'Expected an HTTP/1.1 request' });
  }
}
