import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../random.js';
import { type Conduct, chooseConduct } from './conduct.js';
import { HTTP_CONDUCT } from './http-conduct.js';
import { WEB_SOCKET_CONDUCT } from './web-socket-conduct.js';

const ENDLESS_PAUSE_MS = 5;
/** What may wait for a client that does not read. */
const WAITING_BYTES = 4 * 2 ** 20;

/** A server that never does what its client hopes for. Which of its conducts it shows follows from two numbers. */
export class HostileServer {
  /** How often it showed which kind of conduct. */
  readonly shown = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  #seed = 0;
  #index = 0;
  #requests = 0;

  private constructor(
    private readonly server: Server,
    private readonly impostor: string,
  ) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
      void this.#serve(socket);
    });
  }

  /** @param impostor the URL that it sends clients to. */
  static async start(impostor: string): Promise<HostileServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HostileServer(server, impostor);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Begins anew: the same numbers show the same conduct. */
  begin(seed: number, index: number): void {
    this.#seed = seed;
    this.#index = index;
    this.#requests = 0;
  }

  /** Ends what it still has to do with the clients of before. */
  finish(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.finish();
    this.server.close();
  }

  async #serve(socket: Socket): Promise<void> {
    let unread = '';
    let isPlaying = false;
    socket.on('data', async (chunk: Buffer) => {
      unread += chunk.toString('latin1');
      if (isPlaying) return;
      const request = firstRequest(unread);
      if (request === undefined) return;
      unread = unread.slice(request.length);
      isPlaying = true;
      const isUpgrade = /\r\nupgrade: *websocket/i.test(request.head);
      const conduct = chooseConduct(
        new Random(this.#seed, this.#index, this.#requests++),
        isUpgrade ? WEB_SOCKET_CONDUCT : HTTP_CONDUCT,
        { ...request, impostor: this.impostor },
      );
      this.shown.set(conduct.kind, (this.shown.get(conduct.kind) ?? 0) + 1);
      await play(socket, conduct);
      isPlaying = conduct.ending !== 'keep';
    });
  }
}

function firstRequest(text: string): { head: string; body: string; length: number } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const bodyLength = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const length = end + 4 + bodyLength;
  return text.length < length ? undefined : { head, body: text.slice(end + 4, length), length };
}

async function play(socket: Socket, { pieces, endless, ending }: Conduct): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  while (endless !== undefined && !socket.destroyed) {
    if (endless.length > 0 && socket.writableLength < WAITING_BYTES) socket.write(endless);
    await sleep(ENDLESS_PAUSE_MS);
  }
  if (ending === 'end') socket.end();
  if (ending === 'reset') socket.resetAndDestroy();
}
