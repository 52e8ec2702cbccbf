import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { WebSocketManager } from '../../../src/manager/web-socket-manager.js';

export interface BareServer {
  readonly url: string;
  /** Where `POST {"namespace","cursor"}` broadcasts. */
  readonly pushUrl: string;
  stop(): Promise<void>;
}

/** A right DataFn server on `ws` without an API or statistics of ours; it takes messages of any size. */
export async function bareServer(
  limits: ConstructorParameters<typeof WebSocketManager>[0] = {},
): Promise<BareServer> {
  const manager = new WebSocketManager(limits);
  const sockets = new Set<Socket>();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 2 ** 24 });
  const http = createServer(async (request, response) => {
    if (request.url !== '/push') {
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { namespace, cursor } = JSON.parse(Buffer.concat(chunks).toString());
    manager.broadcastCursor(cursor, namespace);
    response.writeHead(204).end();
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  http.on('upgrade', (request, raw, head) => {
    webSockets.handleUpgrade(request, raw, head, (socket) => {
      const namespace = new URL(request.url ?? '', 'ws://localhost').searchParams.get('token') ?? '';
      if (namespace === '' || /\p{Cc}/u.test(namespace)) {
        socket.close(4401, 'Unauthorized');
        return;
      }
      const client = {
        send: (text: string) => socket.send(text),
        close: (code?: number, reason?: string) => socket.close(code, reason),
        ping: () => socket.ping(),
      };
      if (!manager.addClient(client, { namespace })) return;
      socket.on('message', (data, isBinary) => {
        if (!isBinary) manager.handleMessage(client, data.toString());
      });
      socket.on('pong', () => manager.handlePong(client));
      socket.on('close', () => manager.removeClient(client));
      socket.on('error', () => {});
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/datafn/ws`,
    pushUrl: `http://127.0.0.1:${port}/push`,
    async stop() {
      manager.close();
      const closed = once(http, 'close');
      http.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
