import type { IncomingMessage, ServerResponse } from 'node:http';

type Fields = Readonly<Record<string, unknown>>;
type HeaderValue = number | string | readonly string[] | undefined;
/** As `writeHead` takes them: by name, or names and values in turn. */
type Headers = Readonly<Record<string, HeaderValue>> | readonly string[];

/** Of the answer as it was, not as it is sent. */
const REPLACED = /^(content-length|transfer-encoding|trailer)$/i;

/**
 * Makes the answer to a pull say that nothing has changed: the cursors are those that were asked about, as of a replica
 * that lags behind. An answer that is no success passes as it is.
 */
export class StaleAnswer {
  readonly #asked: Buffer[] = [];
  readonly #answered: Buffer[] = [];

  constructor(request: IncomingMessage, response: ServerResponse) {
    // The backend of a proxy, which gets the raw headers, is not to compress what is read here.
    const { rawHeaders } = request;
    for (let index = 0; index < rawHeaders.length; index += 2)
      if (rawHeaders[index]?.toLowerCase() === 'accept-encoding') rawHeaders[index + 1] = 'identity';
    const emit = request.emit;
    // Reads along: a listener of `data` would take what the backend is not ready for yet.
    request.emit = (event: string | symbol, ...args: unknown[]) => {
      if (event === 'data') this.#asked.push(Buffer.from(args[0] as Uint8Array));
      return emit.call(request, event, ...args);
    };
    const { writeHead, end } = response;
    let head: [status: number, headers: Headers] | undefined;
    response.writeHead = ((status: number, ...rest: unknown[]) => {
      head = [status, (rest.at(-1) ?? {}) as Headers];
      return response;
    }) as typeof writeHead;
    response.flushHeaders = () => {};
    response.write = ((chunk: Uint8Array | string) => {
      this.#keep(chunk);
      return true;
    }) as typeof response.write;
    response.end = ((chunk?: unknown) => {
      this.#keep(chunk);
      const body = this.#body();
      const [status, headers] = head ?? [response.statusCode, {}];
      const kept = pairsOf(headers).filter(([name]) => !REPLACED.test(name));
      response.removeHeader('transfer-encoding');
      writeHead.call(response, status, [...kept, ['content-length', body.length]].flat() as never);
      return end.call(response, body, 'utf8');
    }) as typeof end;
  }

  #keep(chunk: unknown): void {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array)
      this.#answered.push(Buffer.from(chunk as string));
  }

  #body(): Buffer {
    const body = Buffer.concat(this.#answered);
    const answer = parse(body);
    const asked = parse(Buffer.concat(this.#asked));
    const result = answer?.result as Fields | undefined;
    if (answer?.ok !== true || result === undefined || asked === undefined) return body;
    const cursors = { ...(result.cursors as Fields | undefined), ...(asked.cursors as Fields | undefined) };
    const emptied = Object.fromEntries(
      ['records', 'deleted', 'merged', 'joins'].flatMap((part) =>
        result[part] === undefined ? [] : [[part, withoutRows(result[part] as Fields)]],
      ),
    );
    const stale = { ...result, ...emptied, cursors, hasMore: false };
    return Buffer.from(JSON.stringify({ ...answer, result: stale }));
  }
}

function pairsOf(headers: Headers): (readonly [name: string, value: HeaderValue])[] {
  if (!isList(headers)) return Object.entries(headers);
  return headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]] as const] : []));
}

const isList = (headers: Headers): headers is readonly string[] => Array.isArray(headers);

/** The same tables, without rows. */
function withoutRows(tables: Fields): Fields {
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => [table, Array.isArray(rows) ? [] : {}]),
  );
}

function parse(bytes: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
