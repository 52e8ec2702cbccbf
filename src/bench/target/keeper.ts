import { spawn } from 'node:child_process';

// The entry of a process that stands between bench and a server that is started by a command: node keeper.js FILE
// WORD… Such a server need know nothing of channels. This process holds the one to bench; when that is gone,
// however bench died, it sees to it that the server goes too, and with it whatever the server has started.

/** How long the server has to go by itself once bench is gone. */
const GRACE_MS = 1000;

/** What a keeper reports. */
export interface KeeperMessage {
  /** The process that it keeps. */
  readonly keeps?: number | undefined;
  /** Why there is nothing to keep. */
  readonly cannotStart?: string;
}

function keep(file: string, words: readonly string[]): void {
  let deadline: NodeJS.Timeout | undefined;

  const endGroup = () => {
    try {
      process.kill(-(server.pid as number), 'SIGKILL');
    } catch {
      // The group has already exited.
    }
  };
  const onOrphaned = () => {
    server.kill('SIGTERM');
    deadline = setTimeout(endGroup, GRACE_MS);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    // The others come to the whole group of bench (Ctrl-C, a terminal that closes), and bench acts on them.
    if (signal === 'SIGTERM') server.kill('SIGTERM');
  };
  process.on('disconnect', onOrphaned);
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onSignal);

  // Only now: a signal that ended this process here would leave the server alone.
  const server = spawn(file, words, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A group of its own: it can be ended as a whole, and Ctrl-C is left to bench, which stops it in good order.
    detached: true,
  });

  // Bench may be gone already. Without a callback, that would be an uncaught error here, and the server left alone.
  if (server.pid !== undefined) process.send?.({ keeps: server.pid } satisfies KeeperMessage, () => {});
  server.on('error', (error) => {
    // It may also be a signal that could not be sent; only one that never ran has no number.
    if (server.pid !== undefined) return;
    process.exitCode = 127;
    process.send?.({ cannotStart: error.message } satisfies KeeperMessage, leave);
  });
  server.on('exit', (code, signal) => {
    clearTimeout(deadline);
    endGroup();
    leave();
    // It ends as the server has.
    if (signal === null) process.exitCode = code ?? 1;
    else process.kill(process.pid, signal);
  });

  /** Lets go of all that keeps this process running. */
  function leave(): void {
    process.off('disconnect', onOrphaned);
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGHUP', onSignal);
    if (process.connected) process.disconnect();
  }
}

// It may have been too late before this process had even started.
const [file, ...words] = process.argv.slice(2);
if (process.connected && file !== undefined) keep(file, words);
