import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';

/** A server on a free port of this machine. */
export interface Listening {
  /** Such as `http://127.0.0.1:40000`. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

async function listening(server: Server | TcpServer, port: number): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** An HTTP server that answers as the test says. */
export function httpBackend(listener: RequestListener, port = 0): Promise<Listening> {
  return listening(createServer({ keepAliveTimeout: 60_000 }, listener), port);
}

/** A TCP server: it may answer with anything. */
export function tcpBackend(onSocket: (socket: Socket) => void): Promise<Listening> {
  return listening(createTcpServer(onSocket), 0);
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

interface Row {
  readonly seq: number;
  readonly record: { readonly id: string } | undefined;
}

/** The data of one namespace. */
class Space {
  seq = 0;
  readonly tables = new Map<string, Map<string, Row>>();
  readonly applied = new Set<string>();

  table(name: string): Map<string, Row> {
    const table = this.tables.get(name) ?? new Map<string, Row>();
    this.tables.set(name, table);
    return table;
  }

  seqOf(name: string): number {
    return Math.max(0, ...[...this.table(name).values()].map(({ seq }) => seq));
  }
}

interface Mutation {
  readonly clientId: string;
  readonly mutationId: string;
  readonly resource: string;
  readonly id: string;
  readonly operation: string;
  readonly record?: object;
}

/**
 * A small DataFn backend in memory: clone, pull, push, mutation and reconcile, as DataFn's own server answers them. The
 * bearer token of a request is its namespace, or `shared` without one.
 */
export class FakeDatafn {
  readonly spaces = new Map<string, Space>();
  /** The requests that came: method, path and headers. */
  readonly requests: Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'>[] = [];
  /** Answers a request in place of the backend; true when it has. */
  override: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;

  readonly listener: RequestListener = (request, response) => {
    const { method, url, headers, rawHeaders } = request;
    this.requests.push({ method, url, headers, rawHeaders });
    if (!this.override(request, response)) void this.#answer(request, response);
  };

  spaceOf(namespace: string): Space {
    const space = this.spaces.get(namespace) ?? new Space();
    this.spaces.set(namespace, space);
    return space;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await bodyOf(request)).toString() || '{}');
    const space = this.spaceOf(request.headers.authorization?.replace('Bearer ', '') ?? 'shared');
    const ok = (result: object) => answerJson(response, 200, { ok: true, result: { ok: true, ...result } });
    switch (request.url?.split('?')[0]) {
      case '/datafn/clone': {
        const tables = body.tables as string[];
        const data = tables.map((name) => [
          name,
          [...space.table(name).values()].flatMap(({ record }) => record ?? []),
        ]);
        const cursors = tables.map((name) => [name, String(space.seqOf(name))]);
        ok({ data: Object.fromEntries(data), cursors: Object.fromEntries(cursors), next: {} });
        break;
      }
      case '/datafn/pull':
        ok(pull(space, body.cursors));
        break;
      case '/datafn/push':
        ok(push(space, body.mutations));
        break;
      case '/datafn/mutation':
        push(space, [body]);
        ok({ mutationId: body.mutationId, affectedIds: [body.id], errors: [], deduped: false });
        break;
      case '/datafn/reconcile':
        ok({ counts: {}, latestCursor: String(space.seq) });
        break;
      default:
        answerJson(response, 404, { error: `Route not found: ${request.url}` });
    }
  }
}

function push(space: Space, mutations: readonly Mutation[]): object {
  const cursorBefore = space.seq;
  for (const { clientId, mutationId, resource, id, operation, record } of mutations) {
    const key = `${clientId} ${mutationId}`;
    if (space.applied.has(key)) continue;
    space.applied.add(key);
    space.seq += 1;
    space
      .table(resource)
      .set(id, { seq: space.seq, record: operation === 'delete' ? undefined : { ...record, id } });
  }
  return {
    applied: mutations.map(({ mutationId }) => mutationId),
    errors: [],
    cursor: String(space.seq),
    cursorBefore: String(cursorBefore),
  };
}

function pull(space: Space, asked: Readonly<Record<string, string>>): object {
  const records: Record<string, unknown[]> = {};
  const deleted: Record<string, string[]> = {};
  const cursors: Record<string, string> = {};
  for (const [name, cursor] of Object.entries(asked)) {
    const news = [...space.table(name)].filter(([, { seq }]) => seq > Number(cursor));
    records[name] = news.flatMap(([, { record }]) => record ?? []);
    deleted[name] = news.filter(([, { record }]) => record === undefined).map(([id]) => id);
    cursors[name] = String(Math.max(Number(cursor), ...news.map(([, { seq }]) => seq)));
  }
  return { records, merged: {}, deleted, cursors, hasMore: false };
}
