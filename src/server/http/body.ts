import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { describe } from '../../protocol/identifiers.js';
import { parseJsonBody, parseNdjsonBody } from './cursors.js';
import { ProblemError } from './problem.js';

/**
 * What a body may be: JSON and NDJSON, and nothing else. A web page can post neither of them to another origin without
 * being asked first (Fetch standard, CORS-safelisted request headers).
 */
const PARSERS = new Map([
  ['application/json', parseJsonBody],
  ['application/x-ndjson', parseNdjsonBody],
  ['application/ndjson', parseNdjsonBody],
]);

const MEDIA_TYPE =
  /^\s*(application|audio|font|image|message|model|multipart|text|video)\/[\w.+-]{1,60}\s*$/i;

/**
 * Reads the body of a request as a list of items. A caller that waits for `100 Continue` gets it when its body is wanted.
 *
 * @param onTooLarge called for a body of more than `maxBytes`.
 * @returns undefined when the request has no body.
 * @throws {ProblemError} 400, 413 or 415 for a body that is no such list.
 */
export async function readItems(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  onTooLarge: () => void,
): Promise<unknown[] | undefined> {
  const { headers } = request;
  const type = headers['content-type'];
  if (type === undefined && isWithoutBody(headers)) return undefined;
  const parse = PARSERS.get((type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '');
  if (parse === undefined) {
    throw new ProblemError(
      415,
      `Expected Content-Type to be application/json or application/x-ndjson, got ${shownType(type)}`,
      {
        field: 'Content-Type',
        fix: "Add -H 'content-type: application/json'.",
      },
    );
  }
  return parse(await readText(request, response, maxBytes, onTooLarge));
}

/**
 * Reads the body of a request as text. A caller that waits for `100 Continue` gets it when its body is wanted.
 *
 * @param onTooLarge called for a body of more than `maxBytes`.
 * @throws {ProblemError} 400, 413 or 415 for a body that is too large, or is not UTF-8.
 */
export async function readText(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  onTooLarge: () => void,
): Promise<string> {
  const body = await readBytes(request, response, maxBytes);
  if (body !== 'too large') return decode(request.headers, body);
  onTooLarge();
  // The rest of it is not read.
  throw new ProblemError(413, `Expected a body of at most ${maxBytes} bytes`, {
    field: 'body',
    fix: 'Split the batch.',
    endsConnection: true,
  });
}

/** A media type (RFC 9110 section 8.3.1), without its parameters. Other text is not shown, since it may be a secret. */
function shownType(contentType: string | undefined): string {
  if (contentType === undefined) return 'none';
  const [type = ''] = contentType.split(';', 1);
  return MEDIA_TYPE.test(type) ? describe(type.trim()) : 'something else';
}

function isWithoutBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

function readBytes(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<Buffer | 'too large'> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      resolve('too large');
      return;
    }
    if (/^100-continue$/i.test(request.headers.expect ?? '') && request.httpVersion !== '1.0')
      response.writeContinue();
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // What comes after that is thrown away, until the answer is out and the connection ends.
      if (length > maxBytes) resolve('too large');
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

/** The text of a body. JSON is UTF-8 (RFC 8259 section 8.1); a byte-order mark at its start is ignored. */
function decode(headers: IncomingHttpHeaders, body: Buffer): string {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ProblemError(415, `Expected no Content-Encoding, got ${JSON.stringify(encoding)}`, {
      field: 'Content-Encoding',
      fix: 'Send the body uncompressed.',
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  if (!/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new ProblemError(415, `Expected the charset of Content-Type to be utf-8, got "${charset}"`, {
      field: 'Content-Type',
      fix: 'Send the body as UTF-8.',
    });
  }
  if (!isUtf8(body)) {
    throw new ProblemError(400, 'Expected the body to be UTF-8, got bytes that are not', {
      field: 'body',
      fix: 'Send the body as UTF-8.',
    });
  }
  const text = body.toString();
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
