import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { LISTEN_BACKLOG, listenError, listenerFor, otherLoopbacks } from '../server/http/listening.js';

/**
 * A bound socket that does not accept. Sent to a worker, it is the same socket there, and all workers accept from one
 * queue. `node:cluster` shares sockets in this way, too (`SCHED_NONE`), but closes them with the last worker, and with
 * them the port; its other way, to accept in the primary and hand connections over, costs half as much CPU again for
 * each connection.
 */
export interface SharedSocket {
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}

/** The private part of `node:net` that `node:cluster` is built on. It returns a negative `errno` on failure. */
const { _createServerHandle: createHandle } = net as unknown as {
  _createServerHandle(
    address: string,
    port: number,
    family: number,
    fd: number,
    flags: number,
  ): SharedSocket | number;
};

/** The sockets of a server, owned by the primary process. */
export interface SharedSockets {
  readonly port: number;
  /** More than one for `localhost` alone. */
  readonly sockets: readonly SharedSocket[];
  /** The port is free once the workers have closed theirs. Idempotent. */
  close(): void;
}

/**
 * Binds the port of a server, without listening.
 *
 * @param port 0 picks a free one.
 * @param onTaken called with the other loopback address of `localhost` when another program has the port there.
 * @throws {DatafnWsError} `ERR_LISTEN`.
 */
export async function bindSockets(
  host: string,
  port: number,
  onTaken: (other: string, at: net.AddressInfo) => void,
): Promise<SharedSockets> {
  const sockets: SharedSocket[] = [];
  let bound: net.AddressInfo;
  try {
    const { address, family } = await lookup(host);
    const first = bind(address, port, family);
    sockets.push(first.socket);
    bound = { address, family: String(family), port: first.port };
  } catch (error) {
    throw listenError(error, host, port);
  }
  for (const other of otherLoopbacks(host, bound.address)) {
    try {
      sockets.push(bind(other, bound.port, net.isIP(other)).socket);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') onTaken(other, bound);
    }
  }
  return {
    port: bound.port,
    sockets,
    close() {
      for (const socket of sockets.splice(0)) socket.close();
    },
  };
}

function bind(address: string, port: number, family: number): { socket: SharedSocket; port: number } {
  const socket = createHandle(address, port, family, -1, 0);
  if (typeof socket === 'number') throw systemError(getSystemErrorName(socket));
  const name: { port?: number } = {};
  const failed = socket.getsockname(name) !== 0 || (port !== 0 && name.port !== port);
  if (!failed && name.port !== undefined) return { socket, port: name.port };
  socket.close();
  // libuv keeps this one error for `listen` (`uv__tcp_bind`), which would then listen at any port.
  throw systemError('EADDRINUSE');
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/**
 * Listens at the sockets of the primary process.
 *
 * @returns stops listening. Unlike `httpServer.close()`, it leaves idle connections open.
 */
export async function listenAtShared(
  httpServer: Server,
  [first, ...others]: readonly SharedSocket[],
): Promise<() => void> {
  await listenAt(httpServer, first);
  const listeners = await Promise.all(
    others.map(async (socket) => {
      const listener = listenerFor(httpServer);
      await listenAt(listener, socket);
      return listener;
    }),
  );
  return () => {
    for (const listener of [httpServer, ...listeners]) net.Server.prototype.close.call(listener);
  };
}

async function listenAt(server: net.Server, socket: SharedSocket | undefined): Promise<void> {
  server.listen(socket, LISTEN_BACKLOG);
  await once(server, 'listening');
}
