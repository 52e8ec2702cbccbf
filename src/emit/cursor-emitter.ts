import { apiUrlProblem } from '../options/urls.js';
import { cursorNumber } from '../protocol/client.js';
import { DatafnWsError, invalidOption, messageOf } from '../protocol/errors.js';
import { cursorProblem, namespaceProblem } from '../protocol/identifiers.js';

// Runs wherever there is fetch: Node.js, Deno, Bun, workers at the edge. It imports nothing of a server.

/** The options of {@link createCursorEmitter}. */
export interface CursorEmitterOptions {
  /** Base URL of the HTTP API of a datafn-ws server, such as `http://127.0.0.1:3001`. */
  readonly url: string;
  /** Its admin token; a server on another machine has one. */
  readonly adminToken?: string | undefined;
  /** Namespaces whose newest cursor may wait while the server is away; beyond it, the oldest is dropped. Default 100,000. */
  readonly maxNamespaces?: number | undefined;
  /** Milliseconds that one request may take. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Called when cursors cannot be delivered, once until they can be again, and for each that is dropped. What it throws is
   * ignored.
   */
  readonly onError?: ((error: DatafnWsError) => void) | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
}

/** Sends cursors to a datafn-ws server, from the code that writes the data. */
export interface CursorEmitter {
  /** Takes a cursor and returns at once. Never throws: an invalid one is reported to `onError` and dropped. */
  emit(namespace: string, cursor: string | number | bigint): void;
  /**
   * Sends what waits, without waiting for a retry that is due later. Resolves with true when all of it was delivered, or with
   * false after `timeoutMs` (default 5,000); what is left is sent later. Never rejects.
   */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>;
  /** As {@link flush}, and takes no more cursors from here on; what is left after `timeoutMs` is dropped. */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>;
  /** Namespaces whose newest cursor is not delivered yet. */
  readonly pending: number;
  /** Cursors that were dropped so far: invalid, refused, beyond `maxNamespaces`, or left at the end. */
  readonly dropped: number;
}

/** The fewest that a server takes in one request. */
const MAX_BATCH = 1000;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 30_000;
const FLUSH_MS = 5000;
/** Statuses that are about what was sent: the same again would be refused again. */
const UNACCEPTABLE = new Set([400, 409, 413, 422]);

/**
 * Makes an emitter: call `emit(namespace, cursor)` after each commit. The cursors of one tick go out in one request, one
 * request at a time. While the server is away, the newest cursor of each namespace is kept, and tried again with
 * exponential backoff and jitter.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for an option that is not valid. Nothing else throws.
 */
export function createCursorEmitter(options: CursorEmitterOptions): CursorEmitter {
  const { url, maxNamespaces = 100_000, timeoutMs = 10_000 } = options;
  const wrong = apiUrlProblem(url);
  if (wrong !== undefined) throw invalidOption(`Expected \`url\` to be ${wrong}`);
  for (const [name, value] of Object.entries({ maxNamespaces, timeoutMs }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw invalidOption(`Expected \`${name}\` to be a whole number of at least 1, got ${String(value)}`);
  return new Emitter({ ...options, maxNamespaces, timeoutMs });
}

type Settings = CursorEmitterOptions & { readonly maxNamespaces: number; readonly timeoutMs: number };

class Emitter implements CursorEmitter {
  readonly #address: string;
  /** The newest cursor of each namespace, the one that has waited longest first. */
  #waiting = new Map<string, string>();
  /** What is on its way. */
  #sent = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSending = false;
  #isClosed = false;
  #hasFailed = false;
  #failures = 0;
  #batchSize = MAX_BATCH;
  #dropped = 0;
  /** Called whenever a request has ended. */
  readonly #watchers = new Set<() => void>();

  constructor(private readonly settings: Settings) {
    this.#address = `${settings.url.replace(/\/+$/, '')}/v1/cursors`;
  }

  get pending(): number {
    let both = this.#waiting.size;
    for (const namespace of this.#sent.keys()) if (!this.#waiting.has(namespace)) both += 1;
    return both;
  }

  get dropped(): number {
    return this.#dropped;
  }

  emit(namespace: string, cursor: string | number | bigint): void {
    const text = typeof cursor === 'number' || typeof cursor === 'bigint' ? String(cursor) : cursor;
    const problem = namespaceProblem(namespace) ?? cursorProblem(text);
    if (problem !== undefined || this.#isClosed) {
      const why = this.#isClosed ? 'the emitter is closed' : `expected ${problem}`;
      this.#drop(new DatafnWsError('ERR_INVALID_OPTION', `A cursor was dropped: ${why}`));
      return;
    }
    this.#keep(namespace, text);
    // The end of this tick, or the retry that is due.
    if (!this.#isSending) this.#timer ??= setTimeout(this.#send, 0);
  }

  async flush({ timeoutMs = FLUSH_MS }: { readonly timeoutMs?: number | undefined } = {}): Promise<boolean> {
    if (!this.#isSending) this.#sendIn(0);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    let isLate = false;
    void late.then(() => {
      isLate = true;
    });
    while (this.pending > 0 && !isLate) await Promise.race([this.#nextEnd(), late]);
    clearTimeout(timer);
    return this.pending === 0;
  }

  async close(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean> {
    this.#isClosed = true;
    const isDone = await this.flush(options);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dropped += this.pending;
    this.#waiting.clear();
    this.#sent.clear();
    return isDone;
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Keeps a cursor unless a higher one of its namespace waits: requests that write at the same time may end in any order. */
  #keep(namespace: string, cursor: string): void {
    const known = this.#waiting.get(namespace);
    if (known !== undefined && cursorNumber(known) > cursorNumber(cursor)) return;
    this.#waiting.set(namespace, cursor);
    if (this.#waiting.size <= this.settings.maxNamespaces) return;
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    this.#drop(
      new DatafnWsError(
        'ERR_UNREACHABLE',
        `A cursor was dropped: more than ${this.settings.maxNamespaces} namespaces wait`,
      ),
    );
  }

  #drop(error: DatafnWsError): void {
    this.#dropped += 1;
    this.#report(error);
  }

  #report(error: DatafnWsError): void {
    try {
      this.settings.onError?.(error);
    } catch {
      // The code that emits must not suffer from it.
    }
  }

  #sendIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#send, delayMs);
    // A process that has nothing else to do may end while the server is away.
    if (delayMs > 0) (this.#timer as { unref?: () => void }).unref?.();
  }

  readonly #send = async (): Promise<void> => {
    this.#timer = undefined;
    if (this.#isSending || this.#waiting.size === 0) return;
    this.#isSending = true;
    const batch = [...this.#waiting].slice(0, this.#batchSize);
    this.#sent = new Map(batch);
    for (const [namespace] of batch) this.#waiting.delete(namespace);
    const delayMs = await this.#post(batch);
    this.#sent.clear();
    this.#isSending = false;
    if (this.#waiting.size > 0) this.#sendIn(delayMs);
    for (const watcher of this.#watchers) watcher();
  };

  /** Sends a batch. Returns how long to wait for the next one. Never rejects. */
  async #post(batch: readonly [namespace: string, cursor: string][]): Promise<number> {
    const { adminToken, timeoutMs, fetch: given } = this.settings;
    try {
      const response = await (given ?? globalThis.fetch)(this.#address, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` }),
        },
        body: JSON.stringify(batch.map(([namespace, cursor]) => ({ namespace, cursor }))),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      // Read, so that the connection can be used again.
      const text = await response.text();
      if (response.ok) {
        this.#hasFailed = false;
        this.#failures = 0;
        this.#batchSize = MAX_BATCH;
        return 0;
      }
      const error = new DatafnWsError(
        'ERR_REFUSED',
        `${this.#address} refused: ${response.status} ${detailOf(text)}`,
      );
      if (UNACCEPTABLE.has(response.status)) return this.#split(batch, error);
      return this.#retry(batch, error, Number(response.headers.get('retry-after') ?? 0) * 1000);
    } catch (error) {
      return this.#retry(
        batch,
        new DatafnWsError('ERR_UNREACHABLE', `${this.#address} cannot be reached: ${reasonOf(error)}`),
        0,
      );
    }
  }

  /** A server refuses a batch for one item: the halves of it are sent, and of one item nothing is left. */
  #split(batch: readonly [string, string][], error: DatafnWsError): number {
    if (batch.length === 1) {
      this.#batchSize = MAX_BATCH;
      this.#drop(error);
      return 0;
    }
    this.#batchSize = Math.ceil(batch.length / 2);
    this.#putBack(batch);
    return 0;
  }

  #retry(batch: readonly [string, string][], error: DatafnWsError, afterMs: number): number {
    this.#putBack(batch);
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#report(error);
    }
    const backoffMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Emitters that lost their server together do not come back together.
    return Math.max(Math.min(afterMs || 0, MAX_RETRY_MS), backoffMs * (0.5 + Math.random() / 2));
  }

  /** What has come meanwhile is newer. */
  #putBack(batch: readonly [string, string][]): void {
    // Closed meanwhile: it was counted as dropped.
    if (this.#sent.size === 0) return;
    const newer = this.#waiting;
    this.#waiting = new Map(batch);
    this.#sent.clear();
    for (const [namespace, cursor] of newer) this.#keep(namespace, cursor);
  }
}

/** Characters of a server's words that an error has. */
const MAX_WORDS = 200;

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (typeof detail === 'string') return detail.slice(0, MAX_WORDS);
  } catch {
    // No problem document.
  }
  return text.slice(0, MAX_WORDS);
}

function reasonOf(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return messageOf(cause ?? error);
}
