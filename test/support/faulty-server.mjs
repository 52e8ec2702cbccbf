#!/usr/bin/env node
/**
 * A small DataFn WebSocket server for the tests of `bench`: somebody else's server, and on request a broken one.
 *
 * It shares no line with the server of this package (it stands on bare `ws` and `node:http`), so that what it
 * shows of `bench` does not hang on a mistake that both have. By default it does everything right that DataFn asks
 * of a server; it does not leave superseded cursors out for slow readers, which is an extra of ours.
 * With `--fault NAME` it makes one mistake, on purpose; {@link FAULTS} says which there are.
 *
 *     node faulty-server.mjs --port 0 --json [--fault NAME] [flags of `datafn-ws serve` that scenarios use]
 *
 * It is plain JavaScript, because Node 20 runs nothing else, and it is started as a process of its own.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

/** Every mistake that it can be told to make, by the name that `--fault` takes. */
const FAULTS = /** @type {const} */ ({
  'limit-off-by-one': 'Admits one client more than each limit allows.',
  'limit-off-by-one-less': 'Admits one client less than each limit allows.',
  'global-limit-ignored': 'Checks the limit of a namespace, and never the global one.',
  'refuses-with-1013': 'Refuses clients over a limit with 1013 instead of 4503.',
  'no-heartbeat': 'Never pings.',
  'kills-healthy': 'The heartbeat closes one in a hundred clients that have answered.',
  'timeout-twice-as-long': 'Waits twice the heartbeat timeout for a pong.',
  'loses-every-1000th-cursor': 'Sends every 1000th cursor to nobody, and says that it did.',
  'duplicates-one': 'Sends one cursor to one client twice, once.',
  'swaps-two': 'Two consecutive cursors of a namespace reach one client in the wrong order, once.',
  'leaks-one': 'Sends one cursor to one client of another namespace as well, once.',
  'obeys-spoofed-namespace': 'Moves a client into the namespace that its hello names.',
  'no-4401': 'Admits clients without a valid token, into a namespace of their own.',
  'shutdown-without-1001': 'On SIGTERM drops its connections without a close frame.',
  'hangs-up': 'At its 40th broadcast closes every connection without a code.',
  'evicts-late':
    'Admits twice as many clients of a namespace as its limit, and refuses the surplus seconds later.',
  'pings-half': 'Never pings every other client.',
  'pads-cursors': 'Sends each cursor with a zero in front.',
  'leaks-slot-on-reset': 'Does not free the slot of the first client whose connection was reset.',
  'counts-unauthenticated': 'A client without a valid token takes a slot of the global limit, for good.',
  'serves-after-hello-only': 'Sends cursors only to clients that have said hello.',
  'deaf-after-100': 'Sends nothing more to a client that has got a hundred cursors.',
  'wants-newest-pong': 'Ignores a pong that comes after the next ping, and closes the client for it.',
  'pings-first-only': 'Never pings clients that connect after the first beat.',
  'delivered-lies': 'Says that it delivered a cursor to one client more than it did.',
  'connections-lie': 'Counts clients as connected that have left.',
  'deaf-at-times': 'Does nothing at all for 300 ms in every 2 s.',
  'prefix-match': 'Sends a cursor to every namespace that begins with the name of its own.',
  'cursor-as-int32': 'Reads cursors as 32-bit integers, and sends what is left of them.',
  'keeps-last-of-batch': 'Of several cursors in a request sends only the last.',
  'leaks-slot-on-refusal':
    'A client over the limit of its namespace takes a slot of the global limit, for good.',
  'frees-slot-twice': 'Frees the slot of a client that closes its connection twice.',
  'closes-on-junk': 'Closes a client that sends something which is no hello.',
  'pong-answers-for-all': 'Takes a pong of any client for one of all.',
  'masks-a-frame': 'Sends one masked frame, once.',
  'waits-for-slow': 'Sends nothing to anybody while a client has more than 1 MiB to read.',
  'forgets-emptied': 'Sends no cursors to namespaces that everybody had left before.',
});

const { values: flags } = parseArgs({
  options: {
    // Of `datafn-ws serve`.
    port: { type: 'string', default: '0' },
    'max-connections': { type: 'string', default: '10000' },
    'max-connections-per-namespace': { type: 'string', default: '100' },
    'heartbeat-interval': { type: 'string', default: '30s' },
    'heartbeat-timeout': { type: 'string', default: '10s' },
    'shutdown-timeout': { type: 'string', default: '10s' },
    json: { type: 'boolean', default: false },
    // Its own.
    fault: { type: 'string' },
    /** A token is this text and the namespace behind it. */
    'token-prefix': { type: 'string', default: '' },
    /** A JSON file of token: namespace; other tokens are not valid. */
    'tokens-file': { type: 'string' },
    /** Tokens are JWTs, signed with this secret (HS256); their claim `tenant` is the namespace. */
    'jwt-secret': { type: 'string' },
    /** Has no `/v1` API; `POST /push` remains. */
    'no-api': { type: 'boolean', default: false },
  },
});

const { fault } = flags;
if (fault !== undefined && !Object.hasOwn(FAULTS, fault)) {
  process.stderr.write(`There is no fault ${fault}. Expected one of ${Object.keys(FAULTS).join(', ')}.\n`);
  process.exit(2);
}
/** @param {keyof typeof FAULTS} name */
const has = (name) => fault === name;

const offByOne = has('limit-off-by-one') ? 1 : has('limit-off-by-one-less') ? -1 : 0;
const maxConnections = Number(flags['max-connections']) + offByOne;
const maxPerNamespace =
  (Number(flags['max-connections-per-namespace']) + offByOne) * (has('evicts-late') ? 2 : 1);
const heartbeatIntervalMs = milliseconds(flags['heartbeat-interval']);
const heartbeatTimeoutMs = milliseconds(flags['heartbeat-timeout']) * (has('timeout-twice-as-long') ? 2 : 1);
const shutdownTimeoutMs = milliseconds(flags['shutdown-timeout']);

const PATH = '/datafn/ws';
/** The subprotocol of DataFn clients that holds no secret. */
const SYNC_SUBPROTOCOL = 'datafn-sync-v1';
const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_NAMESPACE_LENGTH = 255;
const BACKLOG = 4096;
/** How long a peer may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 2000;
/** The broadcast from which on the faults that happen once may happen. */
const ONCE_FROM = 20;
/** The broadcast at which `hangs-up` does. */
const HANG_UP_AT = 40;
/** How late `evicts-late` is. */
const EVICT_MS = 3000;
/** Cursors after which `deaf-after-100` has enough. */
const DEAF_AFTER = 100;
/** For how long, and how often, `deaf-at-times` is deaf. */
const DEAF_MS = 300;
const DEAF_EVERY_MS = 2000;
/** What `waits-for-slow` lets a client leave unread. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** How long `waits-for-slow` waits before it looks again. */
const WAIT_MS = 20;
/** Of clients that have answered a ping, `kills-healthy` closes one in so many. */
const KILL_ONE_IN = 100;

/** `1500ms`, `2s`, `10m`, `0`. @param {string} text */
function milliseconds(text) {
  const match = /^(\d+)(ms|s|m)?$/.exec(text);
  if (match === null) throw new Error(`Expected a duration such as 2s, got ${text}`);
  return Number(match[1]) * (match[2] === 'm' ? 60_000 : match[2] === 's' ? 1000 : 1);
}

/**
 * @typedef {object} Client an admitted client.
 * @property {number} id
 * @property {import('ws').WebSocket} socket
 * @property {import('node:stream').Duplex} raw
 * @property {string} namespace
 * @property {number} pinged number of the last beat in which it was pinged.
 * @property {number} answered number of the last beat that it has answered.
 * @property {boolean} isIn
 * @property {boolean} hasSaidHello
 * @property {boolean} isPinged whether the heartbeat knows it.
 * @property {number} received cursors that it was sent.
 */

// Who is here. Slots are counted apart from the clients, so that one can be leaked.

/** @type {Set<Client>} */
const clients = new Set();
/** @type {Map<string, Set<Client>>} */
const byNamespace = new Map();
/** Namespaces that everybody has left, once. @type {Set<string>} */
const emptied = new Set();
let slots = 0;
let hasLeakedSlot = false;
/** @type {Map<string, number>} */
const slotsByNamespace = new Map();

const counts = { accepted: 0, rejected: 0, broadcasts: 0, deliveries: 0, ids: 0 };
/** @type {Record<string, number>} */
const closed = {};
/** @type {Record<string, number>} */
const refused = {};

/** @param {Client} client */
function enter(client) {
  clients.add(client);
  const others = byNamespace.get(client.namespace) ?? new Set();
  byNamespace.set(client.namespace, others.add(client));
}

/** @param {Client} client */
function takeOut(client) {
  clients.delete(client);
  const others = byNamespace.get(client.namespace);
  others?.delete(client);
  if (others?.size !== 0) return;
  byNamespace.delete(client.namespace);
  emptied.add(client.namespace);
}

/** A client has gone, or is told to. Counts once. @param {Client} client @param {number} code */
function leave(client, code) {
  if (!client.isIn) return;
  client.isIn = false;
  takeOut(client);
  closed[code] = (closed[code] ?? 0) + 1;
  if (has('leaks-slot-on-reset') && code === 1006 && !hasLeakedSlot) {
    hasLeakedSlot = true;
    return;
  }
  slots -= has('frees-slot-twice') ? 2 : 1;
  slotsByNamespace.set(client.namespace, (slotsByNamespace.get(client.namespace) ?? 1) - 1);
}

/** @param {import('ws').WebSocket} socket @param {number} code @param {string} reason */
function closeSocket(socket, code, reason) {
  socket.close(code, reason);
  // Somebody who is dead answers no close frame either.
  setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
}

// Admission.

/** The namespace that a token stands for; `undefined` for one that is not valid. @param {string | null} token */
function namespaceOf(token) {
  if (token === null) return undefined;
  if (flags['tokens-file'] !== undefined) return knownTokens?.get(token);
  const namespace = flags['jwt-secret'] === undefined ? unprefixed(token) : tenantOf(token);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what no namespace has
  if (namespace === undefined || /[\u0000-\u001f\u007f]/.test(namespace)) return undefined;
  return namespace !== '' && namespace.length <= MAX_NAMESPACE_LENGTH ? namespace : undefined;
}

/** @type {Map<string, string> | undefined} */
const knownTokens =
  flags['tokens-file'] === undefined
    ? undefined
    : new Map(Object.entries(JSON.parse(readFileSync(flags['tokens-file'], 'utf8'))));

/** @param {string} token */
function unprefixed(token) {
  const prefix = flags['token-prefix'];
  return token.startsWith(prefix) ? token.slice(prefix.length) : undefined;
}

/** The claim `tenant` of a JWT (RFC 7519) that is signed as it should be and has not expired. @param {string} token */
function tenantOf(token) {
  const [head = '', body = '', signature = ''] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  const right = createHmac('sha256', flags['jwt-secret'] ?? '')
    .update(`${head}.${body}`)
    .digest();
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString());
  const { exp, tenant } = JSON.parse(Buffer.from(body, 'base64url').toString());
  return alg === 'HS256' && exp > Date.now() / 1000 && typeof tenant === 'string' ? tenant : undefined;
}

/** @param {import('ws').WebSocket} socket @param {import('node:stream').Duplex} raw @param {string | null} token */
function admit(socket, raw, token) {
  /** @param {number} code @param {string} reason */
  const refuse = (code, reason) => {
    counts.rejected += 1;
    refused[code] = (refused[code] ?? 0) + 1;
    socket.on('error', () => {});
    closeSocket(socket, code, reason);
  };
  const namespace = namespaceOf(token) ?? (has('no-4401') ? 'public' : undefined);
  if (namespace === undefined) {
    if (has('counts-unauthenticated')) slots += 1;
    return refuse(4401, 'Unauthorized');
  }
  const taken = slotsByNamespace.get(namespace) ?? 0;
  const reason =
    slots >= maxConnections && !has('global-limit-ignored')
      ? 'Connection limit reached'
      : taken >= maxPerNamespace
        ? 'Namespace connection limit reached'
        : undefined;
  if (reason !== undefined) {
    if (has('leaks-slot-on-refusal') && reason.startsWith('Namespace')) slots += 1;
    return has('refuses-with-1013') ? refuse(1013, 'Try again later') : refuse(4503, reason);
  }
  slots += 1;
  slotsByNamespace.set(namespace, taken + 1);
  counts.accepted += 1;
  counts.ids += 1;
  /** @type {Client} */
  const client = {
    ...{ id: counts.ids, socket, raw, namespace, pinged: 0, answered: 0, received: 0 },
    ...{ isIn: true, hasSaidHello: false, isPinged: !has('pings-first-only') || beat === 0 },
  };
  enter(client);
  if (has('evicts-late') && taken >= Number(flags['max-connections-per-namespace'])) {
    setTimeout(() => {
      if (!client.isIn) return;
      leave(client, 4503);
      closeSocket(client.socket, 4503, 'Namespace connection limit reached');
    }, EVICT_MS).unref();
  }
  socket.on('message', (data, isBinary) => {
    if (has('closes-on-junk') && (isBinary || !isHello(String(data)))) {
      leave(client, 1003);
      closeSocket(socket, 1003, 'Expected a hello');
    } else if (!isBinary) hear(client, String(data));
  });
  socket.on('pong', (data) => {
    anyAnswered = beat;
    if (!has('wants-newest-pong') || String(data) === String(beat)) client.answered = client.pinged;
  });
  socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    // The close frame that `ws` has sent for it; its event `close` would say 1006.
    const code =
      error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
        ? 1009
        : error.code === 'WS_ERR_INVALID_UTF8'
          ? 1007
          : error.code?.startsWith('WS_ERR_')
            ? 1002
            : 1006;
    leave(client, code);
    setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  });
  socket.on('close', (code) => leave(client, code));
}

/** @param {string} text */
function isHello(text) {
  try {
    const { type, clientId } = JSON.parse(text);
    return type === 'hello' && typeof clientId === 'string';
  } catch {
    return false;
  }
}

/** A text from a client: a hello, or junk. A namespace in it counts for nothing. @param {Client} client @param {string} text */
function hear(client, text) {
  if (isHello(text)) client.hasSaidHello = true;
  if (!has('obeys-spoofed-namespace') || !client.isIn) return;
  try {
    const { type, namespace } = JSON.parse(text);
    if (type !== 'hello' || typeof namespace !== 'string') return;
    takeOut(client);
    client.namespace = namespace;
    enter(client);
  } catch {
    // Junk is ignored.
  }
}

// Heartbeat.

let beat = 0;
/** The last beat that anybody has answered. */
let anyAnswered = 0;

function pingAll() {
  if (clients.size === 0) return;
  beat += 1;
  const now = beat;
  const pinged = [...clients].filter(({ id, isPinged }) => isPinged && (!has('pings-half') || Number(id) % 2 === 0));
  for (const client of pinged) {
    client.pinged = now;
    client.socket.ping(String(now));
  }
  if (heartbeatTimeoutMs === 0) return;
  setTimeout(() => {
    for (const client of pinged) {
      const answered = has('pong-answers-for-all') ? anyAnswered : client.answered;
      const isSpared = answered >= now && !(has('kills-healthy') && client.id % KILL_ONE_IN === 0);
      if (isSpared || !client.isIn) continue;
      leave(client, 1001);
      closeSocket(client.socket, 1001, 'Heartbeat timeout');
    }
  }, heartbeatTimeoutMs).unref();
}

if (heartbeatIntervalMs > 0 && !has('no-heartbeat')) setInterval(pingAll, heartbeatIntervalMs).unref();

// Broadcast.

let hasMisdelivered = false;
/** What `swaps-two` holds back. @type {{ client: Client, frame: Buffer } | undefined} */
let heldBack;

/** The clients that a cursor of a namespace goes to. @param {string} namespace @returns {Set<Client>} */
function receiversOf(namespace) {
  if (has('forgets-emptied') && emptied.has(namespace)) return new Set();
  const own = byNamespace.get(namespace) ?? new Set();
  if (has('serves-after-hello-only')) return new Set([...own].filter(({ hasSaidHello }) => hasSaidHello));
  if (!has('prefix-match')) return own;
  return new Set([...clients].filter((client) => client.namespace.startsWith(namespace)));
}

/**
 * Sends cursors on, all of one request in one write to each client.
 *
 * @param {readonly { namespace: string, cursor: string }[]} items
 */
function broadcastAll(items) {
  /** @type {Set<Client>} */
  const corked = new Set();
  const results = items.map(({ namespace, cursor }, index) => {
    const receivers = receiversOf(namespace);
    for (const client of receivers) {
      if (!corked.has(client)) client.raw.cork();
      corked.add(client);
    }
    const text = has('pads-cursors')
      ? `0${cursor}`
      : has('cursor-as-int32')
        ? String(Number(cursor) | 0)
        : cursor;
    if (!has('keeps-last-of-batch') || index === items.length - 1)
      broadcast(receivers, Buffer.from(JSON.stringify({ type: 'cursor', cursor: text })));
    counts.deliveries += receivers.size;
    return { namespace, cursor, delivered: receivers.size + (has('delivered-lies') ? 1 : 0) };
  });
  for (const { raw } of corked) raw.uncork();
  return results;
}

/** @param {Client} client @param {Buffer} frame */
function send(client, frame) {
  client.received += 1;
  if (has('deaf-after-100') && client.received > DEAF_AFTER) return;
  if (has('waits-for-slow') && (waiting.length > 0 || [...clients].some(isBehind))) {
    waiting.push({ client, frame });
    return;
  }
  client.socket.send(frame, { binary: false });
}

/** @param {Client} client */
function isBehind({ raw }) {
  return raw.writableLength > MAX_UNREAD_BYTES;
}

/** What `waits-for-slow` has not sent yet. @type {{ client: Client, frame: Buffer }[]} */
const waiting = [];
if (has('waits-for-slow')) {
  setInterval(() => {
    while (waiting.length > 0 && ![...clients].some(isBehind)) {
      for (const { client, frame } of waiting.splice(0, 1000)) client.socket.send(frame, { binary: false });
    }
  }, WAIT_MS).unref();
}

if (has('deaf-at-times')) {
  setInterval(() => {
    const endMs = performance.now() + DEAF_MS;
    while (performance.now() < endMs);
  }, DEAF_EVERY_MS).unref();
}

/** @param {Set<Client>} receivers @param {Buffer} frame */
function broadcast(receivers, frame) {
  counts.broadcasts += 1;
  if (has('hangs-up') && counts.broadcasts === HANG_UP_AT) {
    for (const client of [...clients]) {
      leave(client, 1005);
      client.socket.close();
    }
    return;
  }
  if (has('loses-every-1000th-cursor') && counts.broadcasts % 1000 === 0) return;
  const held = heldBack;
  for (const client of receivers) {
    if (misdelivers(client, frame)) continue;
    send(client, frame);
    if (held?.client !== client) continue;
    send(client, held.frame);
    heldBack = undefined;
  }
}

/** The faults that happen once. Returns whether the frame is not to be sent now. @param {Client} client @param {Buffer} frame */
function misdelivers(client, frame) {
  if (hasMisdelivered || counts.broadcasts < ONCE_FROM) return false;
  if (has('duplicates-one')) {
    hasMisdelivered = true;
    send(client, frame);
  } else if (has('leaks-one')) {
    const stranger = [...clients].find(({ namespace }) => namespace !== client.namespace);
    if (stranger === undefined) return false;
    hasMisdelivered = true;
    send(stranger, frame);
  } else if (has('masks-a-frame')) {
    hasMisdelivered = true;
    // A text of four bytes under a mask of zeros (RFC 6455 section 5.1: a server masks nothing).
    client.raw.write(Buffer.from([0x81, 0x84, 0, 0, 0, 0, 0x7b, 0x20, 0x20, 0x7d]));
  } else if (has('swaps-two')) {
    hasMisdelivered = true;
    heldBack = { client, frame };
    return true;
  }
  return false;
}

// HTTP.

let isShuttingDown = false;
const startedAtMs = performance.now();
const delay = monitorEventLoopDelay({ resolution: 20 });
delay.enable();

function stats() {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  return {
    connections: has('connections-lie') ? counts.accepted : slots,
    namespaces: byNamespace.size,
    accepted: counts.accepted,
    rejected: counts.rejected,
    refused,
    closed,
    broadcasts: counts.broadcasts,
    deliveries: counts.deliveries,
    conflated: 0,
    uptimeMs: Math.round(performance.now() - startedAtMs),
    process: {
      pid: process.pid,
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      externalBytes: memory.external,
      cpuMs: Math.round((cpu.user + cpu.system) / 1000),
      eventLoopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - 20),
      eventLoopDelayMaxMs: Math.max(0, delay.max / 1e6 - 20),
    },
  };
}

/** @param {unknown} item @returns {item is { namespace: string, cursor: string }} */
function isItem(item) {
  return (
    typeof item === 'object' &&
    item !== null &&
    'namespace' in item &&
    'cursor' in item &&
    typeof item.namespace === 'string' &&
    typeof item.cursor === 'string'
  );
}

const http = createServer((request, response) => {
  /** @param {number} status @param {unknown} [body] */
  const answer = (status, body) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  };
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const route = `${request.method} ${pathname}`;
  if (route === 'GET /readyz') return answer(isShuttingDown ? 503 : 200, {});
  const hasApi = !flags['no-api'];
  if (route === 'GET /v1/stats' && hasApi) return answer(200, stats());
  if (route !== 'POST /push' && !(route === 'POST /v1/cursors' && hasApi)) {
    return answer(404, { title: 'Not Found', status: 404 });
  }
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    let body;
    try {
      body = JSON.parse(Buffer.concat(chunks).toString());
    } catch {
      return answer(400, { title: 'Bad Request', status: 400, detail: 'The body is no JSON' });
    }
    const items = Array.isArray(body) ? body : [body];
    if (!items.every(isItem)) {
      return answer(400, { title: 'Bad Request', status: 400, detail: 'Expected namespace and cursor' });
    }
    const results = broadcastAll(items);
    return pathname === '/push' ? answer(204) : answer(200, { results });
  });
});
// A client that keeps its connection is not to find it closed just as it sends.
http.keepAliveTimeout = 120_000;

const webSockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  clientTracking: false,
  maxPayload: MAX_MESSAGE_BYTES,
  // Never one with a secret in it.
  handleProtocols: (offered) =>
    [SYNC_SUBPROTOCOL, ...offered].find(
      (one) => offered.has(one) && !/^datafn[.-](bearer|ticket)/.test(one),
    ) ?? false,
});

http.on('upgrade', (request, raw, head) => {
  raw.on('error', () => {});
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname !== PATH || isShuttingDown) {
    raw.end(
      `HTTP/1.1 ${isShuttingDown ? '503 Service Unavailable' : '404 Not Found'}\r\nConnection: close\r\n\r\n`,
    );
    return;
  }
  webSockets.handleUpgrade(request, raw, head, (socket) => admit(socket, raw, searchParams.get('token')));
});

http.listen({ port: Number(flags.port), host: '127.0.0.1', backlog: BACKLOG }, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  const apiUrl = `http://127.0.0.1:${port}`;
  const wsUrl = `ws://127.0.0.1:${port}${PATH}`;
  const line = { event: 'listening', wsUrl, apiUrl, pid: process.pid };
  process.stdout.write(flags.json ? `${JSON.stringify(line)}\n` : `${wsUrl}\n`);
});

// The end.

process.once('SIGTERM', () => {
  isShuttingDown = true;
  http.close();
  const leaving = [...clients];
  if (leaving.length === 0) process.exit(0);
  setTimeout(() => process.exit(0), shutdownTimeoutMs);
  let left = leaving.length;
  for (const { socket } of leaving) {
    socket.once('close', () => {
      left -= 1;
      if (left === 0) process.exit(0);
    });
    if (has('shutdown-without-1001')) socket.terminate();
    else socket.close(1001, 'Going Away');
  }
});

// It ends with the process that started it, however that ends.
process.once('disconnect', () => process.exit(0));
