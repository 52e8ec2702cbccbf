import type { ClientRequest, IncomingMessage } from 'node:http';

/** Time an emit may take, from the call to the last byte of the answer. */
export const EXCHANGE_TIMEOUT_MS = 10_000;

/**
 * Fails a request whose answer is not complete within `timeoutMs` from now. A socket timeout would not do: each byte
 * restarts it, so a server that sends one now and then, or `102 Processing` forever, would never hit it. A request that
 * ends without an answer fails as well: Node.js reports no error when a server switches protocols unasked.
 *
 * @param fail called at the deadline, and for a request that ends unanswered. The request may report its own end much
 *   later, if it still waits for a connection.
 */
export function limitExchange(request: ClientRequest, timeoutMs: number, fail: (error: Error) => void): void {
  const deadline = setTimeout(() => {
    const error = new Error(`no complete answer within ${timeoutMs} ms`);
    fail(error);
    request.destroy(error);
  }, timeoutMs);
  request.once('upgrade', (_, socket) => {
    fail(new Error('it answered 101 Switching Protocols without an upgrade request'));
    socket.destroy();
  });
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  request.once('close', () => {
    clearTimeout(deadline);
    if (!isAnswered) fail(new Error('the connection ended without an answer'));
  });
}

/** Bytes of a refusal's body that are read. */
const MAX_BODY_BYTES = 16 * 1024;
/** Time to wait for them. */
const BODY_MS = 500;

/** An HTTP answer in place of an upgrade. */
export interface HttpRefusal {
  readonly status: number;
  readonly statusText: string;
  readonly location: string | undefined;
  /** What the body says: the detail of a problem document (RFC 9457), or the first line of a text. */
  readonly detail: string | undefined;
}

/** Reads an HTTP answer in place of an upgrade; at most {@link MAX_BODY_BYTES}, and at most {@link BODY_MS} long. */
export async function readRefusal(response: IncomingMessage): Promise<HttpRefusal> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The body is good to know, not necessary.
  const late = setTimeout(() => response.destroy(), BODY_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // What has arrived is enough.
  } finally {
    clearTimeout(late);
  }
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    location: response.headers.location,
    detail: detailOf(Buffer.concat(chunks).toString(), response.headers['content-type']),
  };
}

/**
 * The problem and its fix from a problem document (RFC 9457) or a similar JSON body, as sentences without the last
 * period.
 */
export function problemWords(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { detail, fix, title, error, message } = body as Record<string, unknown>;
  return (
    [detail ?? error ?? message ?? title, fix]
      .filter((part) => typeof part === 'string')
      .map((part) => part.trim().replace(/\.+$/, ''))
      .filter((part) => part !== '')
      .join('. ') || undefined
  );
}

function detailOf(body: string, contentType = ''): string | undefined {
  if (/json/i.test(contentType)) {
    try {
      return problemWords(JSON.parse(body));
    } catch {
      return undefined;
    }
  }
  // The first line of an HTML page says nothing.
  return /^text\/plain/i.test(contentType) ? body.trim().split('\n', 1)[0]?.trim() || undefined : undefined;
}

/** A shorter text would match parts of words. */
const MIN_SECRET_LENGTH = 4;

/** A server's words, with `…` in place of each secret of the client that they repeat. */
export function withoutSecrets(words: string, secrets: readonly string[]): string {
  return secrets
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .reduce((shown, secret) => shown.replaceAll(secret, '…'), words);
}
