import type { IncomingMessage, ServerResponse } from 'node:http';

type Fields = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, number | string | readonly string[] | undefined>>;

/**
 * Makes the answer to a pull say that nothing has changed: the cursors are those that were asked about, as of a replica
 * that lags behind. An answer that is no success passes as it is.
 */
export class StaleAnswer {
  readonly #asked: Buffer[] = [];
  readonly #answered: Buffer[] = [];

  constructor(request: IncomingMessage, response: ServerResponse) {
    // A backend behind a proxy is not to compress what is read here.
    delete request.headers['accept-encoding'];
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
      const kept = Object.entries(headers).filter(
        ([name]) => !/^(content-length|transfer-encoding)$/i.test(name),
      );
      response.removeHeader('transfer-encoding');
      writeHead.call(response, status, {
        ...Object.fromEntries(kept),
        'content-length': body.length,
      } as never);
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
