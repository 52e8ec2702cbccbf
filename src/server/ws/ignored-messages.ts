import type { DatafnLogger } from '../../manager/types.js';
import { describe } from '../../protocol/identifiers.js';
import { parseHello } from '../../protocol/messages.js';
import { formatSize } from '../../text/units.js';
import type { ConnectionInfo, ServerEvents } from '../events/events.js';

/** Messages logged per second; the others are counted. */
const PER_SECOND = 10;
const WINDOW_MS = 1000;

/** Logs the messages of clients that the server ignores, at level `debug`, and never what is in them. */
export class IgnoredMessages implements ServerEvents {
  #left = PER_SECOND;
  #more = 0;
  #window: NodeJS.Timeout | undefined;

  /** @param logger must not throw. */
  constructor(private readonly logger: Pick<DatafnLogger, 'debug'>) {}

  ignoredText(connection: ConnectionInfo, text: string): void {
    if (!this.#hasRoom()) return;
    const why = whyIgnored(text);
    if (why !== undefined) this.#log(why, connection);
  }

  ignoredBinary(connection: ConnectionInfo, bytes: number): void {
    if (this.#hasRoom()) this.#log(`binary, ${formatSize(bytes)}`, connection);
  }

  #hasRoom(): boolean {
    this.#window ??= setTimeout(() => this.#nextWindow(), WINDOW_MS).unref();
    if (this.#left === 0) this.#more += 1;
    else this.#left -= 1;
    return this.#more === 0;
  }

  #log(why: string, { id, namespace, clientId }: ConnectionInfo): void {
    this.logger.debug(`A message was ignored: ${why}`, { connection: id, namespace, clientId });
  }

  #nextWindow(): void {
    if (this.#more > 0)
      this.logger.debug('More ignored messages, not logged one by one', { count: this.#more });
    this.#left = PER_SECOND;
    this.#more = 0;
    this.#window = undefined;
  }
}

/** Returns why a text is not a message of DataFn, else `undefined`. */
function whyIgnored(text: string): string | undefined {
  if (parseHello(text) !== undefined) return undefined;
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return `not JSON, ${formatSize(Buffer.byteLength(text))}`;
  }
  const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
  if (!isObject) return `expected an object, got ${Array.isArray(message) ? 'an array' : typeof message}`;
  const { type } = message as { type?: unknown };
  return `expected the type "hello", got ${type === undefined ? 'none' : describe(type)}`;
}
