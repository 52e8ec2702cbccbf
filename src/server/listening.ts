import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { DatafnWsError, messageOf } from '../protocol/errors.js';

/** Resolves when the server listens, or was closed before it did; rejects when it cannot. */
export function listen(httpServer: Server, options: ListenOptions): Promise<void> {
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
    httpServer.listen(options);
  });
}

/** Stops listening, and ends every connection that is none of WebSocket. A server that never listened is closed. */
export function closeHttpServer(httpServer: Server): Promise<void> {
  return new Promise((resolve) => {
    httpServer.close(() => resolve());
    httpServer.closeAllConnections();
  });
}

/** Why the server cannot listen, with the flag to change. */
export function listenError(error: unknown, host: string, port: number): DatafnWsError {
  const { code } = error as NodeJS.ErrnoException;
  const where = `${host}:${port}`;
  const text =
    {
      EADDRINUSE: `Port ${port} on ${host} is taken: stop what listens there, or choose another with --port (0 takes a free one)`,
      EACCES: `No permission to listen on ${where}: ports below 1024 are privileged, choose a higher one with --port`,
      EADDRNOTAVAIL: `${host} is no address of this machine: choose another with --host, such as 127.0.0.1`,
      ENOTFOUND: `There is no host named ${host}: choose another with --host, such as 127.0.0.1`,
      EAI_AGAIN: `The name ${host} cannot be looked up: choose another with --host, such as 127.0.0.1`,
    }[code ?? ''] ?? `Cannot listen on ${where}: ${messageOf(error)}`;
  return new DatafnWsError('ERR_LISTEN', text, { cause: error });
}
