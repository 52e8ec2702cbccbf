/**
 * A DataFn server on Bun: its WebSocket endpoint, and a backend in memory behind it. The bearer token, or the token in
 * the query, is the namespace. A push broadcasts its cursor.
 *
 *     bun bun-server.mjs [--max-connections-per-namespace N]
 *
 * Prints one line of JSON with its URL when it listens; ends at SIGTERM, and when its stdin does.
 */

/** By namespace: its clients, its sequence, its rows by table and id, and the mutations that it has applied. */
const namespaces = new Map();
const MAX_TOKEN_LENGTH = 255;
const flag = process.argv.indexOf('--max-connections-per-namespace');
const maxPerNamespace = flag === -1 ? 100 : Number(process.argv[flag + 1]);

function namespaceOf(token) {
  if (!token || token.length > MAX_TOKEN_LENGTH || /\p{Cc}/u.test(token)) return undefined;
  const known = namespaces.get(token) ?? {
    clients: new Set(),
    seq: Date.now(),
    tables: new Map(),
    applied: new Set(),
  };
  namespaces.set(token, known);
  return known;
}

const tableOf = ({ tables }, name) => tables.get(name) ?? tables.set(name, new Map()).get(name);
const rowsSince = (namespace, table, seq) =>
  [...tableOf(namespace, table).values()].filter((row) => row.seq > seq).map(({ row }) => row);
const newestOf = (namespace, table) =>
  String([...tableOf(namespace, table).values()].reduce((most, { seq }) => Math.max(most, seq), 0));

const ROUTES = {
  clone(namespace, { tables = [] }) {
    return {
      data: Object.fromEntries(tables.map((table) => [table, rowsSince(namespace, table, 0)])),
      cursors: Object.fromEntries(tables.map((table) => [table, newestOf(namespace, table)])),
      joins: {},
      next: {},
    };
  },
  pull(namespace, { cursors = {} }) {
    const asked = Object.entries(cursors);
    return {
      records: Object.fromEntries(
        asked.map(([table, seq]) => [table, rowsSince(namespace, table, Number(seq))]),
      ),
      deleted: Object.fromEntries(asked.map(([table]) => [table, []])),
      cursors: Object.fromEntries(
        asked.map(([table, seq]) => [
          table,
          String(Math.max(Number(seq), Number(newestOf(namespace, table)))),
        ]),
      ),
      hasMore: false,
    };
  },
  push(namespace, { mutations = [] }) {
    const before = namespace.seq;
    for (const { clientId, mutationId, resource, id, record } of mutations) {
      const key = `${clientId} ${mutationId}`;
      if (namespace.applied.has(key)) continue;
      namespace.applied.add(key);
      namespace.seq += 1;
      tableOf(namespace, resource).set(id, { seq: namespace.seq, row: { ...record, id } });
    }
    const cursor = String(namespace.seq);
    if (namespace.seq > before)
      for (const socket of namespace.clients) socket.send(JSON.stringify({ type: 'cursor', cursor }));
    const applied = mutations.map(({ mutationId }) => mutationId);
    return { applied, errors: [], cursor, cursorBefore: String(before) };
  },
};

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'content-type, authorization',
};

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, bun) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/datafn/ws') {
      const offered = request.headers.get('sec-websocket-protocol')?.split(/\s*,\s*/) ?? [];
      const headers = offered.includes('datafn-sync-v1')
        ? { 'sec-websocket-protocol': 'datafn-sync-v1' }
        : {};
      if (bun.upgrade(request, { data: { token: searchParams.get('token') }, headers })) return undefined;
      return new Response('Expected a WebSocket handshake', { status: 400 });
    }
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: CORS });
    const route = ROUTES[/^\/datafn\/(\w+)$/.exec(pathname)?.[1] ?? ''];
    if (route === undefined) return Response.json({ error: 'Route not found' }, { status: 404 });
    const token = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
    const namespace = namespaceOf(token);
    if (namespace === undefined)
      return Response.json(
        { ok: false, error: { code: 'UNAUTHORIZED', message: 'Bad token' } },
        { status: 401 },
      );
    const result = { ok: true, ...route(namespace, await request.json()) };
    return Response.json({ ok: true, result }, { headers: CORS });
  },
  websocket: {
    maxPayloadLength: 64 * 1024,
    open(socket) {
      const namespace = namespaceOf(socket.data.token);
      if (namespace === undefined) return socket.close(4401, 'Unauthorized');
      if (namespace.clients.size >= maxPerNamespace)
        return socket.close(4503, 'Namespace connection limit reached');
      socket.data.namespace = namespace;
      namespace.clients.add(socket);
    },
    message() {},
    close(socket) {
      socket.data.namespace?.clients.delete(socket);
    },
  },
});

const line = { wsUrl: `ws://127.0.0.1:${server.port}/datafn/ws`, pid: process.pid };
process.stdout.write(`${JSON.stringify(line)}\n`);

process.on('SIGTERM', () => {
  for (const { clients } of namespaces.values())
    for (const socket of clients) socket.close(1001, 'Going Away');
  server.stop();
  setTimeout(() => process.exit(0), 500);
});
process.stdin.on('end', () => process.exit(0)).resume();
