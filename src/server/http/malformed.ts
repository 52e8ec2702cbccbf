import type { Duplex } from 'node:stream';
import type { DatafnLogger } from '../../manager/types.js';
import { endWithProblem, type Refusal } from './problem.js';

/** The status of a request that did not arrive in time (RFC 9110 section 15.5.9). */
export const TOO_SLOW = 408;

/** An error of the event `clientError`. */
type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array };

/**
 * Answers a `clientError` of an HTTP server: bytes that are not an HTTP request, too many, or too late.
 *
 * @param inOrder calls back once the requests in front have been answered.
 */
export function answerMalformed(
  error: ClientError,
  socket: Duplex,
  inOrder: (answer: () => void) => void,
  onRefused: (refusal: Refusal) => void,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  inOrder(() => {
    // The answer to an earlier request has ended the connection.
    if (!socket.writable) return;
    const refusal = malformedRefusal(error);
    onRefused(refusal);
    endWithProblem(socket, refusal);
  });
}

function malformedRefusal({ code, rawPacket }: ClientError): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'The request headers are too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: TOO_SLOW, detail: 'The request took too long to arrive' };
    default:
      return proxyProtocolRefusal(rawPacket) ?? { status: 400, detail: 'Expected an HTTP/1.1 request' };
  }
}

/** What each version of the PROXY protocol (HAProxy, proxy-protocol.txt) begins with. */
const SIGNATURES = [
  { version: 1, bytes: Buffer.from('PROXY ') },
  { version: 2, bytes: Buffer.from('\r\n\r\n\0\r\nQUIT\n') },
] as const;
const FIX =
  'Remove send-proxy or send-proxy-v2 (HAProxy), proxy_protocol (nginx) or the like: the address of a client comes in X-Forwarded-For, see --trust-proxy.';
const NOTICE_MS = 60_000;

/** The refusal of bytes that are the PROXY protocol; `undefined` for others. */
export function proxyProtocolRefusal(packet: Uint8Array | undefined): Refusal | undefined {
  const found = SIGNATURES.find(
    ({ bytes }) => packet !== undefined && bytes.equals(packet.subarray(0, bytes.length)),
  );
  if (found === undefined) return undefined;
  return {
    status: 400,
    detail: `Expected an HTTP/1.1 request, got the PROXY protocol (version ${found.version}), which is not supported`,
    fix: FIX,
  };
}

/** Warns once a minute of a proxy that sends the PROXY protocol. */
export class ProxyProtocolNotice {
  #quietUntilMs = 0;

  constructor(private readonly logger: Pick<DatafnLogger, 'warn'>) {}

  see({ detail, fix }: Refusal): void {
    if (fix !== FIX || performance.now() < this.#quietUntilMs) return;
    this.#quietUntilMs = performance.now() + NOTICE_MS;
    this.logger.warn(`${detail}. ${fix}`);
  }
}
