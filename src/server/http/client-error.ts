import type { Duplex } from 'node:stream';
import { proxyProtocolRefusal } from './proxy-protocol.js';
import { endWithProblem, type Refusal } from './raw-problem.js';

/** An error of the event `clientError`. */
type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array };

/**
 * For `clientError` of an HTTP server: what is no HTTP request at all, too long, or too slow in coming.
 *
 * @param inTurn calls what it is given once the requests in front have been answered.
 */
export function answerUnparsable(
  error: ClientError,
  socket: Duplex,
  inTurn: (answer: () => void) => void,
  onRefused: (refusal: Refusal) => void,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  inTurn(() => {
    // The answer to an earlier request has ended the connection.
    if (!socket.writable) return;
    const refusal = unparsableRefusal(error);
    onRefused(refusal);
    endWithProblem(socket, refusal);
  });
}

function unparsableRefusal({ code, rawPacket }: ClientError): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'Expected shorter headers' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'Expected the whole request sooner' };
    default:
      return proxyProtocolRefusal(rawPacket) ?? { status: 400, detail: 'Expected an HTTP/1.1 request' };
  }
}
