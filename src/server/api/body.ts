import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseJsonBody, parseNdjsonBody } from './cursors.js';
import { ProblemError } from './problem.js';

/** The content types that a body may have, as an error names them. */
export const CONTENT_TYPES = 'application/json or application/x-ndjson';

/**
 * Teaches the API to read JSON and NDJSON, and nothing else: a web page can post neither of them to another origin
 * without being asked first (Fetch standard, CORS-safelisted request headers).
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const read = (parse: (text: string) => unknown[]) => async (request: FastifyRequest, body: Buffer) =>
    parse(decode(request, body));
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, read(parseJsonBody));
  app.addContentTypeParser(
    ['application/x-ndjson', 'application/ndjson'],
    { parseAs: 'buffer' },
    read(parseNdjsonBody),
  );
}

/** The text of a body. JSON is UTF-8 (RFC 8259 section 8.1); a byte-order mark at its start is ignored. */
function decode({ headers }: FastifyRequest, body: Buffer): string {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ProblemError(415, `Expected no Content-Encoding, got ${JSON.stringify(encoding)}`, {
      field: 'Content-Encoding',
      fix: 'Send the body as it is, not compressed.',
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  if (!/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new ProblemError(415, `Expected the charset of Content-Type to be utf-8, got "${charset}"`, {
      field: 'Content-Type',
      fix: 'Send the body as UTF-8.',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ProblemError(400, 'Expected the body to be UTF-8, got bytes that are not', {
      field: 'body',
      fix: 'Send the body as UTF-8.',
    });
  }
}
