import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What a server does with a connection once the head of its request is there. */
export type Answer = (socket: Socket, head: string, index: number) => void;

const servers = new Set<{ readonly server: Server; readonly sockets: Set<Socket> }>();

/** A TCP server that answers upgrade requests as a test says; shares no code with the product or with `ws`. */
export async function upgradeServer(answer: Answer): Promise<string> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let head = '';
    const read = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      answer(socket, head, count);
      count += 1;
    };
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', read);
  });
  servers.add({ server, sockets });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/datafn/ws`;
}

export async function disposeUpgradeServers(): Promise<void> {
  for (const { server, sockets } of servers) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  servers.clear();
}

/** The 101 that belongs to a request. */
export function accepting(head: string): string {
  const [, key = ''] = /sec-websocket-key: (\S+)/i.exec(head) ?? [];
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** An unmasked, final frame of at most 65,535 bytes. */
export function frame(opcode: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload);
  const { length } = bytes;
  const size = length < 126 ? [length] : [126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size]), bytes]);
}

export const text = (payload: string) => frame(0x1, payload);
export const cursor = (value: string | number) => text(JSON.stringify({ type: 'cursor', cursor: value }));

export function close(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(0x8, payload);
}
