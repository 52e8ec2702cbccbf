import type { DatafnLogger } from '../../manager/types.js';
import type { Refusal } from './raw-problem.js';

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

/** Warns of a proxy that sends the PROXY protocol: once a minute, however often it comes. */
export class ProxyProtocolNotice {
  #quietUntilMs = 0;

  constructor(private readonly logger: Pick<DatafnLogger, 'warn'>) {}

  see({ detail, fix }: Refusal): void {
    if (fix !== FIX || performance.now() < this.#quietUntilMs) return;
    this.#quietUntilMs = performance.now() + NOTICE_MS;
    this.logger.warn(`${detail}. ${fix}`);
  }
}
