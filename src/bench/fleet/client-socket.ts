import { connect as connectTcp, isIP, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** Where a client connects to. */
export interface SocketTarget {
  readonly url: URL;
  readonly localAddress: string | undefined;
  /** Options of a `wss:` connection. */
  readonly tls?: ConnectionOptions;
}

/** What a client does about its socket. Each call names the socket: it may be one that the client has given up. */
export interface SocketHandler {
  onSocketConnect(socket: Socket): void;
  /** Takes what was read, which is overwritten after the call; false to read nothing more for now. */
  onSocketData(socket: Socket, chunk: Buffer): boolean;
  onSocketError(socket: Socket, error: NodeJS.ErrnoException): void;
  onSocketClose(socket: Socket): void;
}

/** The server that a WebSocket URL names. */
export function serverOf({ protocol, hostname, port }: URL) {
  const isSecure = protocol === 'wss:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    isSecure,
    host,
    port: Number(port) || (isSecure ? 443 : 80),
    // An address is no name (RFC 6066 section 3).
    servername: isIP(host) ? '' : host,
  };
}

/**
 * Opens a TCP or TLS connection.
 *
 * @param buffer where reads of a TCP connection go; several sockets may share one, since a read is handled before the
 *   next begins.
 */
export function openSocket(
  { url, localAddress, tls }: SocketTarget,
  buffer: Buffer,
  handler: SocketHandler,
): Socket {
  const { isSecure, host, port, servername } = serverOf(url);
  const options: TcpSocketConnectOpts = { host, port, localAddress, noDelay: true };
  let socket: Socket;
  if (isSecure) {
    socket = connectTls({ ...options, servername, ...tls } as ConnectionOptions);
    socket.on('data', (chunk: Buffer) => handler.onSocketData(socket, chunk));
    socket.on('secureConnect', () => handler.onSocketConnect(socket));
  } else {
    const callback = (length: number, read: Uint8Array) =>
      handler.onSocketData(socket, read.subarray(0, length) as Buffer);
    socket = connectTcp({ ...options, onread: { buffer, callback } });
    socket.on('connect', () => handler.onSocketConnect(socket));
  }
  socket.on('error', (error: NodeJS.ErrnoException) => handler.onSocketError(socket, error));
  socket.on('close', () => handler.onSocketClose(socket));
  return socket;
}
