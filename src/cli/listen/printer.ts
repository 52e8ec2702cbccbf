import type { Writable } from 'node:stream';
import type { ChalkInstance } from 'chalk';
import type { ConnectionEnd } from '../../listen/connection.js';
import type { ListenObserver } from '../../listen/listener.js';
import { maskedUrl } from '../../options/urls.js';
import { cursorNumber } from '../../protocol/client.js';
import { printable, printableJson } from '../../text/printable.js';
import { formatDuration } from '../../text/units.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';

/** Characters of a cursor that a line for a person shows. */
const MAX_CURSOR = 256;
/** Kinds of ignored messages that are told apart. */
const MAX_KINDS = 20;

export interface ListenPrinterContext {
  readonly url: string;
  readonly clientId: string;
  explain(end: ConnectionEnd): string;
  /** Output is read more slowly than it is written: nothing more should come until {@link release}. */
  hold(): void;
  release(): void;
}

/** Prints what a listener hears: cursors to stdout, the rest to stderr; with `--json` all of it to stdout. */
export class ListenPrinter implements ListenObserver {
  readonly #out: ChalkInstance;
  readonly #err: ChalkInstance;
  /** When the connection was opened, and the same on the clock that durations are taken from. */
  #connectedAt = new Date(0);
  #connectedAtMs = 0;
  /** What has been said to be ignored in this connection. */
  readonly #ignored = new Set<string>();
  readonly #waiting = new Set<Writable>();
  /** Why the last try ended, until one connects. */
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
      `${this.#out.dim(timeOfDay(new Date()))} ${this.#out.magenta('>')} cursor ${shown}${this.#out.dim(`  connected for ${age}`)}${this.#out.yellow(note)}\n`,
    );
  }

  ignored(kind: string): void {
    // A server may send many: for a person, each kind is shown once in a connection.
    const isShown = this.#ignored.has(kind) || this.#ignored.size === MAX_KINDS;
    if (this.options.json || isShown) {
      if (this.options.json) this.#json('ignored', { kind });
      return;
    }
    this.#ignored.add(kind);
    this.#line(this.#err.yellow('!'), `ignored ${kind}, as DataFn clients do`);
  }

  ping(): void {
    if (this.options.pings) this.#say('ping', {}, this.#err.cyan('·'), 'ping, answered');
  }

  ended(end: ConnectionEnd, retryInMs: number | undefined): void {
    const text = this.context.explain(end);
    // The same words with every try would hide the rest.
    const shown = text === this.#lastEnd ? 'the same again' : text;
    this.#lastEnd = text;
    const next = retryInMs === undefined ? '' : ` (trying again in ${formatDuration(retryInMs)})`;
    if (this.options.json) this.#json(...endFields(end, text, retryInMs));
    else if (retryInMs !== undefined) this.#line(this.#err.yellow('x'), shown + next);
    else if (isInOrder(end)) this.#line(this.#err.dim('-'), text);
    if (retryInMs === undefined && !isInOrder(end))
      this.#write(this.io.stderr, `${this.#err.red('error:')} ${printable(sentence(text))}\n`);
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

  /** Holds the server off while a reader is behind, so that what waits for it stays bounded. */
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

/** A close that the server and the client expect to happen. */
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
