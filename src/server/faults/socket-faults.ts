import type { Socket } from 'node:net';
import type { Timers } from './timers.js';

type Done = (error?: Error | null) => void;

/** Ends a connection with a TCP reset; one with TLS, of which Node.js resets none, without a word. */
export function reset(raw: Socket): void {
  if (raw.destroyed) return;
  // Node.js refuses to reset a socket that wraps another one.
  if ('encrypted' in raw) raw.destroy();
  else raw.resetAndDestroy();
}

/**
 * Has a socket write a little at a time. What waits counts as its `writableLength`, and delays its end, as on a slow
 * network.
 *
 * @param waitMs how long to wait after a piece of that many bytes; 0 is until the next tick of the event loop.
 * @returns lets what waits leave at once.
 */
export function paceWrites(
  raw: Socket,
  pieceBytes: number,
  waitMs: (bytes: number) => number,
  timers: Timers,
): () => void {
  const write = raw._write;
  let isOver = false;
  let goOn: (() => void) | undefined;
  const writePieces = (bytes: Buffer, done: Done): void => {
    if (isOver || bytes.length <= pieceBytes) {
      write.call(raw, bytes, 'buffer' as BufferEncoding, (error) => {
        if (isOver || error) done(error);
        else pause(bytes.length, () => done());
      });
      return;
    }
    write.call(raw, bytes.subarray(0, pieceBytes), 'buffer' as BufferEncoding, (error) => {
      if (error) done(error);
      else pause(pieceBytes, () => writePieces(bytes.subarray(pieceBytes), done));
    });
  };
  const pause = (bytes: number, next: () => void): void => {
    const ms = waitMs(bytes);
    if (ms === 0) {
      setImmediate(next);
      return;
    }
    const cancel = timers.later(ms, () => {
      goOn = undefined;
      next();
    });
    goOn = () => {
      goOn = undefined;
      cancel();
      next();
    };
  };
  replaceWrites(raw, (chunk, encoding, done) => {
    writePieces(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, done);
  });
  return () => {
    isOver = true;
    goOn?.();
  };
}

/** Has a socket neither write nor read nor end. */
export function silence(raw: Socket): void {
  replaceWrites(raw, () => {});
  raw.pause();
}

function replaceWrites(
  raw: Socket,
  write: (chunk: Buffer | string, encoding: BufferEncoding, done: Done) => void,
): void {
  raw._write = write;
  // Without it, the stream writes its chunks one by one.
  (raw as { _writev?: unknown })._writev = null;
}

/** Undoes the above, for what is written from here on. */
export function restoreWrites(raw: Socket): void {
  if (!Object.hasOwn(raw, '_write')) return;
  delete (raw as { _write?: unknown })._write;
  delete (raw as { _writev?: unknown })._writev;
}
