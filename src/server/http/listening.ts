import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';

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
