// A server process of the harness, of the kind that its first argument names.
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { WebSocketServer } from 'ws';
import { liveBytes, serveCalls } from './harness.mjs';

const CURSOR = '1700000000000000';
const TEXT = `{"type":"cursor","cursor":"${CURSOR}"}`;
const FRAME = Buffer.concat([Buffer.from([0x81, TEXT.length]), Buffer.from(TEXT)]);

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Each kind: how it listens, how it sends one cursor to everybody, and what a client reads of that. */
const KINDS = {
  /** This project's server. */
  async ours(options = {}) {
    const { createDatafnWsServer } = await import('../../dist/index.js');
    const server = createDatafnWsServer({
      port: 0,
      maxConnections: 20_000,
      maxConnectionsPerNamespace: 20_000,
      heartbeatIntervalMs: 0,
      ...options,
    });
    const { wsUrl, apiUrl } = await server.listen();
    return {
      port: Number(new URL(wsUrl).port),
      path: '/datafn/ws?token=all',
      apiUrl,
      bytesPerDelivery: FRAME.length,
      broadcast: () => server.websocketHandler.broadcastCursor(CURSOR, 'all'),
      connections: () => server.websocketHandler.connectionCount,
    };
  },
  /** The way the reference manager does it: a loop of `ws.send(string)` over the clients of a namespace. */
  async plain() {
    const { server, clients, port } = await bareServer();
    void server;
    return {
      port,
      path: '/',
      bytesPerDelivery: FRAME.length,
      broadcast() {
        const text = JSON.stringify({ type: 'cursor', cursor: CURSOR });
        for (const client of clients) client.send(text);
      },
      connections: () => clients.size,
    };
  },
  /** The ceiling of what Node can do: a loop of `socket.write` of bytes that are ready. */
  async ready() {
    const { clients, port } = await bareServer();
    return {
      port,
      path: '/',
      bytesPerDelivery: FRAME.length,
      broadcast() {
        for (const client of clients) client._socket.write(FRAME);
      },
      connections: () => clients.size,
    };
  },
  async socketio() {
    const { Server } = await import('socket.io');
    const http = createServer();
    const io = new Server(http, {
      transports: ['websocket'],
      perMessageDeflate: false,
      pingInterval: 3_600_000,
    });
    let joined = 0;
    io.on('connection', (socket) => {
      socket.join('all');
      joined += 1;
    });
    const port = await listen(http);
    return {
      port,
      path: '/socket.io/?EIO=4&transport=websocket',
      greeting: '40',
      // 42["cursor",{"type":"cursor","cursor":"…"}], and two bytes of a frame's head.
      bytesPerDelivery: `42["cursor",${TEXT}]`.length + 2,
      broadcast: () => io.to('all').emit('cursor', { type: 'cursor', cursor: CURSOR }),
      connections: () => joined,
    };
  },
};

async function bareServer() {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
  const clients = new Set();
  webSockets.on('connection', (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => {});
  });
  return { server, clients, port: await listen(server) };
}

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', 4096, () => resolve(server.address().port)));
}

let server;
serveCalls({
  async start({ kind, options }) {
    server = await KINDS[kind](options);
    const { broadcast, connections, ...facts } = server;
    return facts;
  },
  connections: () => server.connections(),
  cpu: () => process.cpuUsage(),
  /** Broadcasts, a turn of the event loop apart; when it began, and the CPU time it took. */
  async broadcast(times) {
    const cpu = process.cpuUsage();
    const startedAt = process.hrtime.bigint();
    for (let time = 0; time < times; time++) {
      server.broadcast();
      await turn();
    }
    const { user, system } = process.cpuUsage(cpu);
    return { startedAt, cpuUs: user + system };
  },
  /** Microseconds that each of several broadcasts kept this process busy, what it writes at the end of the turn included. */
  async timeBroadcasts(times) {
    const took = [];
    for (let time = 0; time < times; time++) {
      const startMs = performance.now();
      server.broadcast();
      await turn();
      took.push((performance.now() - startMs) * 1000);
      // Let the socket's own work for this broadcast end before the next.
      await turn();
    }
    return took;
  },
  liveBytes,
  /** The longest delay of the event loop in each of `beats` stretches of `ms`. */
  async longestDelays({ beats, ms }) {
    const histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    const longest = [];
    for (let beat = 0; beat < beats; beat++) {
      histogram.reset();
      await new Promise((resolve) => setTimeout(resolve, ms));
      longest.push(histogram.max / 1e6);
    }
    return longest;
  },
});
