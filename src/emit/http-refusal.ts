import type { IncomingMessage } from 'node:http';

/** As much of the body of a refusal as is read. */
const MAX_BODY_BYTES = 16 * 1024;
/** How long that is waited for. */
const BODY_MS = 500;

/** An HTTP answer that is no upgrade. */
export interface HttpRefusal {
  readonly status: number;
  readonly statusText: string;
  readonly location: string | undefined;
  /** What the body says: the detail of a problem document (RFC 9457), or the first line of a text. */
  readonly detail: string | undefined;
}

/** Reads what an HTTP server answered in place of an upgrade; never more than {@link MAX_BODY_BYTES}, nor for long. */
export async function readRefusal(response: IncomingMessage): Promise<HttpRefusal> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // What the body says is good to know, not needed: one that does not end is not waited for.
  const late = setTimeout(() => response.destroy(), BODY_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // What came until then will do.
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
 * The words of a problem document (RFC 9457), or of another JSON body that says what is wrong: what, and the fix, as
 * sentences without a period at the end.
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
  // A page for people has nothing in its first line.
  return /^text\/plain/i.test(contentType) ? body.trim().split('\n', 1)[0]?.trim() || undefined : undefined;
}
