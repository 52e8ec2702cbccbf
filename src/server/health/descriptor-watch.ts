import { closeSync, openSync } from 'node:fs';
import type { Server } from 'node:net';
import { devNull } from 'node:os';
import type { DatafnLogger } from '../../manager/types.js';
import type { ServerEvents } from '../events/events.js';

const LOOK_MS = 1000;
/** Descriptors that must be free again for the shortage to be over, so that one more or less does not fill the log. */
const ROOM = 16;

/**
 * Notices when the process has no file descriptor left. The system then takes connections and drops them at once, of
 * which Node.js says nothing (libuv, `uv__emfile_trick`), so this opens a file now and then.
 */
export class DescriptorWatch {
  #timer: NodeJS.Timeout | undefined;
  #isShort = false;

  constructor(
    private readonly logger: DatafnLogger,
    private readonly events: Pick<ServerEvents, 'limited'>,
  ) {}

  /** Watches from here on. `server` already listens: what goes wrong with it now is that it cannot accept. */
  start(server: Server): void {
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (isShortage(error)) this.#begin();
      else this.logger.error('Accepting a connection failed', { error: error.message });
    });
    // On the thread of the event loop, so that libuv never misses the descriptor that this takes.
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    if (!this.#isShort) {
      if (!areFree(1)) this.#begin();
    } else if (areFree(ROOM)) {
      this.#isShort = false;
      this.logger.warn('File descriptors are free again: new connections are accepted');
    }
  }

  #begin(): void {
    if (this.#isShort) return;
    this.#isShort = true;
    this.events.limited?.('descriptors');
    this.logger.error(
      'Out of file descriptors: new connections are dropped until some are free; raise the limit with ulimit -n, or lower --max-connections',
    );
  }
}

function areFree(count: number): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, 'r'));
    return true;
  } catch (error) {
    // Other errors are not a shortage.
    return !isShortage(error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

function isShortage(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
