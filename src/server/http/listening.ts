import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, isIP, type Server as NetServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';

const WILDCARDS = new Set(['0.0.0.0', '::']);

/**
 * Checks that a name or address can be listened on at all, so that a typo is not answered with advice on exposing the
 * server to the network.
 *
 * @param flag the flag that chose it.
 * @throws {DatafnWsError} `ERR_LISTEN` when the name is unknown or the address is not of this machine.
 */
export async function checkBindHost(host: string, flag = '--host'): Promise<void> {
  let address = host;
  if (isIP(host) === 0) {
    try {
      ({ address } = await lookup(host));
    } catch (error) {
      throw new DatafnWsError(
        'ERR_LISTEN',
        `Cannot find the host ${host}: choose another with ${flag}, such as 127.0.0.1`,
        { cause: error },
      );
    }
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const isOwn =
    address.startsWith('127.') || WILDCARDS.has(address) || own.some((one) => one.address === address);
  // An address with a zone (fe80::1%eth0) is for the system to judge.
  if (isOwn || address.includes('%')) return;
  throw new DatafnWsError(
    'ERR_LISTEN',
    `${host} is not an address of this machine: choose another with ${flag}, such as 127.0.0.1`,
  );
}

/** Connections that wait in the kernel to be accepted. Node's own 511 drops handshakes in a storm. */
export const LISTEN_BACKLOG = 4096;

/** Resolves when the server listens, or was closed before it did; rejects when it cannot. */
export function listen(httpServer: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      httpServer.off('listening', onEnd).off('close', onClose).off('error', onError);
      done();
    };
    const onEnd = () => settle(resolve);
    const onClose = () => {
      // A name that is being looked up is listened at all the same.
      httpServer.once('listening', () => httpServer.close());
      onEnd();
    };
    const onError = (error: Error) => settle(() => reject(error));
    httpServer.once('listening', onEnd).once('close', onClose).once('error', onError);
    httpServer.listen({ host, port, backlog: LISTEN_BACKLOG });
  });
}

/** Stops listening, and ends every connection that is not a WebSocket. Works for a server that never listened, too. */
export function closeHttpServer(httpServer: Server): Promise<void> {
  return new Promise((resolve) => {
    httpServer.close(() => resolve());
    httpServer.closeAllConnections();
  });
}

/** What `localhost` stands for (RFC 6761 section 6.3): some clients resolve it to the one, some to the other. */
const LOOPBACKS = ['127.0.0.1', '::1'];

/** For `localhost`, the loopback addresses besides `address`; none for any other host. */
export function otherLoopbacks(host: string, address: string): readonly string[] {
  return host.toLowerCase() === 'localhost' ? LOOPBACKS.filter((loopback) => loopback !== address) : [];
}

/** A listener at another address, whose connections go to `httpServer`. */
export function listenerFor(httpServer: Server): NetServer {
  return createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    httpServer.emit('connection', socket),
  );
}

/**
 * Lets `httpServer`, which listens at `localhost`, accept connections at the other loopback address as well. Does nothing
 * for any other host.
 *
 * @param onTaken called with the address that another program has.
 * @returns stops it.
 */
export async function listenAtBothLoopbacks(
  httpServer: Server,
  host: string,
  onTaken: (address: string) => void,
): Promise<() => void> {
  const { address, port } = httpServer.address() as AddressInfo;
  const listeners: NetServer[] = [];
  for (const other of otherLoopbacks(host, address)) {
    const listener = listenerFor(httpServer);
    try {
      await once(listener.listen({ host: other, port, backlog: LISTEN_BACKLOG }), 'listening');
      listeners.push(listener);
    } catch (error) {
      // Anything else is an address that the machine has not, such as ::1 where IPv6 is off.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') onTaken(other);
    }
  }
  return () => {
    for (const listener of listeners) listener.close();
  };
}

/** Clients that look `localhost` up as the other address reach another program. */
export function takenLoopback({ address, port }: AddressInfo, other: string): string {
  return `Another program listens on port ${port} of ${other}, and clients that resolve localhost to ${other} connect to it instead: stop it, choose another port with --port, or connect to ${address} and start with --host ${address}`;
}

export function closedError(): DatafnWsError {
  return new DatafnWsError('ERR_LISTEN', 'This server is closed: create another with createDatafnWsServer()');
}

/** @param flags the flags that choose the address. */
export function listenError(
  error: unknown,
  host: string,
  port: number,
  flags = { host: '--host', port: '--port' },
): DatafnWsError {
  const { code } = error as NodeJS.ErrnoException;
  const where = `${host}:${port}`;
  const text =
    {
      EADDRINUSE: `Port ${port} on ${host} is already in use: stop the other program, or choose another port with ${flags.port} (0 picks a free one)`,
      EACCES: `No permission to listen on ${where}: ports below 1024 are privileged, choose a higher one with ${flags.port}`,
      EADDRNOTAVAIL: `${host} is not an address of this machine: choose another with ${flags.host}, such as 127.0.0.1`,
      ENOTFOUND: `Cannot find the host ${host}: choose another with ${flags.host}, such as 127.0.0.1`,
      EAI_AGAIN: `Cannot look up the host ${host}: choose another with ${flags.host}, such as 127.0.0.1`,
    }[code ?? ''] ?? `Cannot listen on ${where}: ${messageOf(error)}`;
  return new DatafnWsError('ERR_LISTEN', text, { cause: error });
}
