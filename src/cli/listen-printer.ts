import type { Writable } from 'node:stream';
import type { ChalkInstance } from 'chalk';
import { pathHint, redirectHint } from '../bench/target/preflight.js';
import type { HttpRefusal } from '../emit/http-exchange.js';
import { unreachable } from '../emit/unreachable.js';
import type { ConnectionEnd } from '../listen/connection.js';
import type { ListenObserver } from '../listen/listener.js';
import { maskedUrl } from '../options/urls.js';
import { cursorNumber } from '../protocol/client.js';
import { CLOSE } from '../protocol/close-codes.js';
import { closeMeaning } from '../protocol/close-meanings.js';
import { printable, printableJson } from '../text/printable.js';
import { formatDuration } from '../text/units.js';
import { colorsFor } from './color.js';
import { errorLine } from './error-line.js';
import type { Io } from './io.js';

/** Characters of a cursor that a line for a person shows. */
const MAX_CURSOR = 256;
/** Kinds of ignored messages that are printed, each once per connection. */
const MAX_KINDS = 20;

export interface ListenPrinterContext {
  readonly url: string;
  readonly clientId: string;
  explain(end: ConnectionEnd): string;
  /** Pauses the connection, because output is read too slowly, until {@link release}. */
  hold(): void;
  release(): void;
}

/** Prints what a listener receives: cursors to stdout, the rest to stderr; with `--json` everything to stdout. */
export class ListenPrinter implements ListenObserver {
  readonly #out: ChalkInstance;
  readonly #err: ChalkInstance;
  /** When the connection was opened, as a date and on the monotonic clock. */
  #connectedAt = new Date(0);
  #connectedAtMs = 0;
  /** Kinds of ignored messages that this connection has printed. */
  readonly #ignored = new Set<string>();
  readonly #waiting = new Set<Writable>();
  /** How the last attempt ended; reset by a connection. */
  #lastEnd: string | undefined;

  constructor(
    private readonly io: Io,
    private readonly options: { readonly json: boolean; readonly pings: boolean },
    private readonly context: ListenPrinterContext,
  ) {
    this.#out = colorsFor(io, 'stdout');
    this.#err = colorsFor(io, 'stderr');
  }

  connected(at: Date): void {
    this.#connectedAt = at;
    this.#connectedAtMs = performance.now() - (Date.now() - at.getTime());
    this.#ignored.clear();
    this.#lastEnd = undefined;
    const { clientId } = this.context;
    const url = maskedUrl(this.context.url);
    this.#say('connected', { url, clientId }, this.#err.green('+'), `connected to ${url} as ${clientId}`, at);
  }

  cursor(cursor: string, isNewer: boolean): void {
    if (this.options.json) {
      this.#json('cursor', { cursor, isNewer, connectedAt: this.#connectedAt.toISOString() });
      return;
    }
    const shown = printable(cursor.length > MAX_CURSOR ? `${cursor.slice(0, MAX_CURSOR)}…` : cursor);
    const note = isNewer
      ? ''
      : Number.isNaN(cursorNumber(cursor))
        ? ', not a number: DataFn clients ignore it'
        : ', not newer: DataFn clients ignore it';
    const age = formatDuration(Math.round(Math.max(0, performance.now() - this.#connectedAtMs)));
    this.#write(
      this.io.stdout,
      `${this.#out.dim(timeOfDay(new Date()))} ${this.#out.magenta('>')} cursor ${shown}${this.#out.dim(` (${age} after connecting)`)}${this.#out.yellow(note)}\n`,
    );
  }

  ignored(kind: string): void {
    if (this.options.json) {
      this.#json('ignored', { kind });
      return;
    }
    if (this.#ignored.has(kind) || this.#ignored.size === MAX_KINDS) return;
    this.#ignored.add(kind);
    this.#line(this.#err.yellow('!'), `ignored ${kind}, as DataFn clients do`);
  }

  ping(): void {
    if (this.options.pings) this.#say('ping', {}, this.#err.cyan('·'), 'ping, answered');
  }

  ended(end: ConnectionEnd, retryInMs: number | undefined): void {
    const text = this.context.explain(end);
    // A server that stays down would repeat the same line.
    const shown = text === this.#lastEnd ? 'same as before' : text;
    this.#lastEnd = text;
    const next = retryInMs === undefined ? '' : ` (retrying in ${formatDuration(retryInMs)})`;
    if (this.options.json) this.#json(...endFields(end, text, retryInMs));
    else if (retryInMs !== undefined) this.#line(this.#err.yellow('x'), shown + next);
    else if (isInOrder(end)) this.#line(this.#err.dim('-'), text);
    if (retryInMs === undefined && !isInOrder(end))
      this.#write(this.io.stderr, errorLine(sentence(text), this.#err));
  }

  #say(
    event: string,
    fields: Readonly<Record<string, unknown>>,
    sign: string,
    text: string,
    at = new Date(),
  ): void {
    if (this.options.json) this.#json(event, fields);
    else this.#line(sign, text, at);
  }

  #line(sign: string, text: string, at = new Date()): void {
    this.#write(this.io.stderr, `${this.#err.dim(timeOfDay(at))} ${sign} ${printable(text)}\n`);
  }

  #json(event: string, fields: Readonly<Record<string, unknown>>): void {
    const line = printableJson({ event, time: new Date().toISOString(), ...fields });
    this.#write(this.io.stdout, `${line}\n`);
  }

  /** Pauses the connection while the reader is behind, so that unread output stays bounded. */
  #write(stream: Writable, text: string): void {
    if (stream.write(text) || this.#waiting.has(stream) || !stream.writable) return;
    this.#waiting.add(stream);
    this.context.hold();
    const release = () => {
      stream.off('drain', release).off('error', release);
      this.#waiting.delete(stream);
      if (this.#waiting.size === 0) this.context.release();
    };
    stream.on('drain', release).on('error', release);
  }
}

/** A close that is not an error. */
function isInOrder(end: ConnectionEnd): boolean {
  return end.kind === 'closed' && end.wasConnected && (end.code === 1000 || end.code === 1001);
}

function endFields(
  end: ConnectionEnd,
  message: string,
  retryInMs: number | undefined,
): [string, Readonly<Record<string, unknown>>] {
  const retry = { retryInMs: retryInMs === undefined ? null : Math.round(retryInMs) };
  if (end.kind !== 'closed') {
    const status = end.kind === 'answered' ? { status: end.status } : {};
    return ['failed', { ...status, message, ...retry }];
  }
  const { code, reason, wasConnected } = end;
  return [wasConnected ? 'closed' : 'refused', { code, reason, message, ...retry }];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function timeOfDay(at: Date): string {
  return `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Where the token of a listener comes from. */
export type TokenOrigin = 'namespace' | 'token' | 'url' | 'none';

/** How a connection ended, as a sentence, and what to do about it. */
export function explainEnd(end: ConnectionEnd, url: string, token: TokenOrigin): string {
  switch (end.kind) {
    case 'unreachable':
      return unreachable(maskedUrl(url), end.error).message;
    case 'breach':
      return `the answer to the upgrade violates RFC 6455: ${end.what}. Is it a WebSocket server?`;
    case 'answered': {
      const words = (end.detail ?? end.statusText).slice(0, MAX_WORDS).replace(/\.$/, '');
      const advice = statusAdvice(end, url, token);
      return `refused with HTTP ${end.status}${words === '' ? '' : `: ${words}`}${advice === '' ? '' : `. ${advice}`}`;
    }
    case 'closed': {
      const { code, reason, wasConnected, error } = end;
      if (code === 1006) return `lost the connection${error === undefined ? '' : `: ${error}`}`;
      const meaning = closeMeaning(code, reason);
      const what = `${wasConnected ? 'closed' : 'refused'} with ${code}${reason === '' ? '' : ` ${reason}`}`;
      // An operator closes only clients that were admitted, so their token was valid.
      const isDenied = (code === 4401 || code === 4403) && reason !== CLOSE.accessRevoked.reason;
      const advice = isDenied ? `. ${tokenAdvice(token)}` : '';
      return `${what}${meaning === undefined ? '' : `: ${meaning}`}${advice}`;
    }
  }
}

/** Characters of a server's own words that are shown. */
const MAX_WORDS = 500;

function statusAdvice(
  { status, location, detail }: Pick<HttpRefusal, 'status' | 'location' | 'detail'>,
  url: string,
  token: TokenOrigin,
): string {
  if (location !== undefined && status >= 300 && status < 400) return redirectHint(url, location);
  if (status === 401 || status === 403) return tokenAdvice(token);
  if (status === 404 || status === 405 || status === 426 || status < 300) return pathHint(url, detail);
  if (status === 429) return 'The server accepts no more connections from this address.';
  return status >= 500 ? 'The server, or a proxy in front of it, is not ready.' : '';
}

function tokenAdvice(token: TokenOrigin): string {
  switch (token) {
    case 'none':
      return 'Pass a token with --token, or a namespace if the server has --auth dev: -n user:alice';
    case 'namespace':
      return 'A namespace works as a token only with --auth dev: pass a token of this server with --token';
    case 'token':
      return 'Check the token, and pass it where the server reads it with --token-via';
    case 'url':
      return 'Check the token in --url';
  }
}
