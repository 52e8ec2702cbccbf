import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { ChalkInstance } from 'chalk';
import { ApiClient, type EmissionResult } from '../emit/api-client.js';
import { type EmitSummary, runEmit } from '../emit/run.js';
import { readScript, resettingFirst, type ScriptError, type ScriptStep } from '../emit/script.js';
import { type EmitOptions, emitOptions } from '../options/emit.js';
import { resolveOptions } from '../options/spec.js';
import { type DatafnWsError, invalidOption } from '../protocol/errors.js';
import { cursorProblem } from '../protocol/identifiers.js';
import { printable, printableJson } from '../text/printable.js';
import { formatAmount, formatDuration } from '../text/units.js';
import { colorsFor } from './color.js';
import { errorLine } from './error-line.js';
import { openInput, readTrust } from './input-files.js';
import type { Io, StopSignal } from './io.js';
import { StopRequests } from './stop-requests.js';

/** Emits what the flags ask for. Returns the exit code. */
export async function emit(
  cursor: string | undefined,
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(emitOptions, { flags, env: io.env });
  const tls = await readTrust(options, [options.url]);
  const client = new ApiClient({ url: options.url, adminToken: options.adminToken, tls });
  const printer = new EmitPrinter(io, options.json);
  const stop = new StopRequests(io);
  const { signal } = stop;
  signal.addEventListener('abort', () => client.close());
  try {
    const steps = await stepsOf(cursor, options, io, signal);
    const summary = await runEmit({
      client,
      steps: options.reset ? resettingFirst(steps) : steps,
      ratePerSecond: options.rate,
      keepGoing: options.keepGoing,
      signal,
      onEmitted(results) {
        printer.emitted(results);
        return drained(io.stdout, signal);
      },
      onFailure(error) {
        printer.failed(error);
        return drained(io.stderr, signal);
      },
    });
    printer.finish(summary, stop.by);
    return stop.exitCode ?? (summary.failures === 0 ? 0 : 1);
  } catch (error) {
    printer.aborted();
    throw error;
  } finally {
    stop.dispose();
    client.close();
  }
}

/** Resolves when a stream has room: unread lines hold up the next cursor, so that they do not pile up in memory. */
async function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  if (stream.writableNeedDrain && !signal.aborted) await once(stream, 'drain', { signal }).catch(() => {});
}

type Steps = AsyncIterable<ScriptStep | ScriptError> | Iterable<ScriptStep | ScriptError>;

/** What to emit: exactly one of a cursor, a range and a script. */
async function stepsOf(
  cursor: string | undefined,
  options: EmitOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Steps> {
  const { from, to, file, namespace: namespaces, principal: principals } = options;
  const isRange = from !== undefined || to !== undefined;
  const asked = [cursor !== undefined, isRange, file !== undefined].filter(Boolean).length;
  if (asked !== 1) {
    const given = [
      ...(cursor === undefined ? [] : ['a cursor']),
      ...(isRange ? ['a range'] : []),
      ...(file === undefined ? [] : ['--file']),
    ];
    const forms = 'a cursor, a range (--from and --to) or --file';
    const problem =
      given.length === 0
        ? `Missing cursor. Pass ${forms}`
        : `Pass only one of ${forms}, got ${given.join(' and ')}`;
    throw invalidOption(`${problem}. Try: npx datafn-ws emit 42 -n user:alice`);
  }
  if (file !== undefined) {
    if (namespaces.length > 0)
      throw invalidOption(
        '--namespace does not work with --file: each line of the script names its own namespace.',
      );
    if (principals.length > 0)
      throw invalidOption(
        '--principal does not work with --file: each line of the script names its own `affectedPrincipals`.',
      );
    return readScript(file === '-' ? io.stdin : await openInput(file, '--file'), signal);
  }
  if (options.reset && principals.length > 0)
    throw invalidOption('--reset is news for everybody: drop --principal, or --reset.');
  if (namespaces.length === 0) throw invalidOption('Missing --namespace. Try: -n user:alice');
  if (cursor !== undefined) {
    // Node.js puts U+FFFD in place of bytes that are not UTF-8.
    const wrong = cursor.includes('\ufffd') ? 'UTF-8, got invalid bytes' : cursorProblem(cursor);
    if (wrong !== undefined) throw invalidOption(`Expected the cursor to be ${wrong}`);
    return [step(1, cursor, namespaces, principals)];
  }
  if (from === undefined || to === undefined) {
    throw invalidOption(
      from === undefined ? '--to needs --from: add --from N.' : '--from needs --to: add --to N.',
    );
  }
  if (from > to) throw invalidOption(`Expected --from to be at most --to, got ${from} and ${to}.`);
  return range(from, to, namespaces, principals);
}

function step(
  line: number,
  cursor: string,
  namespaces: readonly string[],
  principals: readonly string[],
): ScriptStep {
  const isFor = principals.length === 0 ? {} : { affectedPrincipals: principals };
  return { line, delayMs: 0, emissions: namespaces.map((namespace) => ({ namespace, cursor, ...isFor })) };
}

function* range(
  from: number,
  to: number,
  namespaces: readonly string[],
  principals: readonly string[],
): Generator<ScriptStep> {
  for (let cursor = from; cursor <= to; cursor++)
    yield step(cursor - from + 1, String(cursor), namespaces, principals);
}

/** Characters of a cursor that the line of progress shows. */
const MAX_SHOWN_CURSOR = 24;

/** What `emit` prints: results on stdout, progress and failures on stderr. */
class EmitPrinter {
  readonly #out: ChalkInstance;
  readonly #err: ChalkInstance;
  readonly #isLive: boolean;
  #emitted = 0;
  #deliveries = 0;
  #last: EmissionResult | undefined;
  #lastDrawnAtMs = 0;

  constructor(
    private readonly io: Io,
    private readonly json: boolean,
  ) {
    this.#out = colorsFor(io, 'stdout');
    this.#err = colorsFor(io, 'stderr');
    this.#isLive = io.stderr.isTTY === true && !json;
  }

  emitted(results: readonly EmissionResult[]): void {
    for (const result of results) {
      this.#emitted += 1;
      this.#deliveries += result.delivered;
      this.#last = result;
      if (this.json) this.#line(printableJson({ event: 'emitted', ...result }));
    }
    const now = performance.now();
    if (!this.#isLive || now - this.#lastDrawnAtMs < 100 || this.io.stderr.writableLength > 0) return;
    this.#lastDrawnAtMs = now;
    // A line that wraps could not be erased.
    const cursor = printable(this.#last?.cursor ?? '').slice(0, MAX_SHOWN_CURSOR);
    this.io.stderr.write(`\r\x1b[K${this.#soFar()}, now at ${cursor}`);
  }

  failed(error: DatafnWsError): void {
    this.#clear();
    this.io.stderr.write(errorLine(error.message, this.#err));
  }

  /** An error ended the run: says how far it had come, if anywhere. */
  aborted(): void {
    this.#clear();
    if (this.#emitted > 0 && !this.json) this.io.stderr.write(`stopped after ${this.#soFar()}\n`);
  }

  finish(summary: EmitSummary, stoppedBy: StopSignal | undefined): void {
    this.#clear();
    const { cursors, deliveries, failures, elapsedMs, maxLagMs } = summary;
    const [last, { yellow }] = [this.#last, this.#out];
    if (this.json) {
      const counts = { cursors, deliveries, failures, elapsedMs: Math.round(elapsedMs) };
      this.#line(printableJson({ event: 'summary', ...counts, aborted: stoppedBy !== undefined }));
    } else if (cursors === 1 && failures === 0 && last !== undefined) {
      const rest = restOf(last);
      const nobody = last.delivered === 0 && rest === undefined ? yellow(` (${nobodyIn(last)})`) : '';
      const what = `cursor ${printable(last.cursor)} to ${printable(last.namespace)}`;
      this.#line(
        `${what}: ${formatAmount(last.delivered, 'client')}${nobody}${rest?.isLate ? yellow(rest.text) : (rest?.text ?? '')}`,
      );
    } else {
      const lag = maxLagMs > 100 ? yellow(`, up to ${formatDuration(maxLagMs)} behind the rate`) : '';
      const end = stoppedBy === undefined ? '' : yellow(`, stopped by ${stoppedBy}`);
      const nobody =
        cursors > 0 && deliveries === 0 && last?.nodes === undefined ? yellow(` (${NO_CLIENTS})`) : '';
      const counts = `${emitCounts(cursors, deliveries)}, ${formatAmount(failures, 'failure')}`;
      this.#line(`${counts} in ${formatDuration(elapsedMs)}${lag}${end}${nobody}`);
    }
  }

  #soFar(): string {
    return emitCounts(this.#emitted, this.#deliveries);
  }

  #line(text: string): void {
    this.io.stdout.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#isLive) this.io.stderr.write('\r\x1b[K');
  }
}

/** What became of a cursor in the rest of a cluster; `undefined` for a server that is alone. */
function restOf({ replicated, nodes = 1 }: EmissionResult): { text: string; isLate: boolean } | undefined {
  if (replicated === false)
    return {
      text: ' of this server (the rest of the cluster gets it later: its engine did not answer)',
      isLate: true,
    };
  if (nodes <= 1) return undefined;
  return { text: ` of this server, and sent to ${formatAmount(nodes - 1, 'other server')}`, isLate: false };
}

/** The likely reason for a cursor without a delivery. */
function nobodyIn({ affectedPrincipals }: EmissionResult): string {
  const which = affectedPrincipals === undefined ? 'in that namespace' : 'for these principals';
  return `no clients are connected ${which}, or a fault is on`;
}

/** The same for several. */
const NO_CLIENTS =
  'no clients are connected in these namespaces, or a fault is on; to list namespaces with clients: npx datafn-ws who';

function emitCounts(cursors: number, deliveries: number): string {
  return `${formatAmount(cursors, 'emit')}, ${formatAmount(deliveries, 'delivery', 'deliveries')}`;
}
