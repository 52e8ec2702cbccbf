import { DatafnWsError, messageOf, stackOf } from '../protocol/errors.js';
import { Batches } from './batches.js';
import type { ToPrimary, ToWorker } from './messages.js';
import type { SharedSocket } from './shared-sockets.js';
import { WorkerServer } from './worker-server.js';

// The entry of a worker process: a server for a part of the clients of `serve --workers`.

/** Time that clients have to leave after a bug. */
const CRASH_MS = 3000;

let hasCrashed = false;

/** The primary is gone, and with it the port, the log and all that a server needs. Or it needs this worker no more. */
function leave(): void {
  process.exit(hasCrashed ? 1 : 0);
}

const batches = new Batches<ToPrimary>((batch, done) => {
  // The primary may be gone before its `disconnect` event arrives here.
  if (!process.connected) return;
  process.send?.(batch, undefined, {}, (error: Error | null) => (error === null ? done() : leave()));
});
const server = new WorkerServer(batches);

function take(message: ToWorker, socket: SharedSocket | undefined): void {
  if (message.type === 'socket') {
    if (socket !== undefined) server.addSocket(socket);
    return;
  }
  server.take(message);
}

/** Tells the primary of a bug, here or in an auth module; the primary starts another worker. */
function crash(error: unknown): void {
  batches.send({ type: 'crashed', stack: stackOf(error) });
  setTimeout(leaveAfterCrash, CRASH_MS);
  void server.crash().then(leaveAfterCrash, leaveAfterCrash);
}

function leaveAfterCrash(): void {
  batches.flush();
  // Left to the primary when it has read the last message; it ends what does not end.
  setTimeout(() => process.exit(1), CRASH_MS).unref();
  process.disconnect?.();
}

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error: unknown) => {
    if (hasCrashed) return;
    hasCrashed = true;
    crash(error);
  });
}
process.on('message', (batch: readonly ToWorker[], socket?: unknown) => {
  for (const message of batch) take(message, socket as SharedSocket | undefined);
});
process.on('disconnect', leave);
// It may have gone before this listener was added.
if (!process.connected) leave();
// A signal to the whole group of processes (Ctrl-C, a service manager) is the primary's to act on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

server.onFailed = (error) =>
  batches.send({
    type: 'failed',
    code: error instanceof DatafnWsError ? error.code : undefined,
    message: error instanceof DatafnWsError ? messageOf(error) : stackOf(error),
  });
batches.send({ type: 'started' });
