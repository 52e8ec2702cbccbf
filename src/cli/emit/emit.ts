import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { ApiClient, type EmissionResult } from '../../emit/api-client.js';
import { type EmitSummary, runEmit } from '../../emit/run.js';
import { readScript, type ScriptError, type ScriptStep } from '../../emit/script.js';
import { type EmitOptions, emitOptions } from '../../options/emit.js';
import { openFile } from '../../options/read-file.js';
import { resolveOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { cursorProblem } from '../../protocol/identifiers.js';
import { printable, printableJson } from '../../text/printable.js';
import { formatAmount, formatDuration } from '../../text/units.js';
import { colorsFor } from '../color.js';
import { type Io, STOP_EXIT_CODES, type StopSignal } from '../io.js';
import { readTrust } from '../trust.js';

/** Emits what the flags ask for; the exit code. */
export async function emit(
  cursor: string | undefined,
  flags: Record<string, string>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(emitOptions, { flags, env: io.env });
  const abort = new AbortController();
  const steps = await stepsOf(cursor, options, io, abort.signal);
  const tls = await readTrust(options, [options.url]);
  const client = new ApiClient({ url: options.url, adminToken: options.adminToken, tls });
  const screen = new EmitScreen(io, options.json);
  let stoppedBy: StopSignal | undefined;
  const dispose = io.onStop((signal) => {
    stoppedBy = signal;
    abort.abort();
    client.close();
  });
  try {
    const summary = await runEmit({
      client,
      steps,
      ratePerSecond: options.rate,
      keepGoing: options.keepGoing,
      signal: abort.signal,
      onEmitted(results) {
        screen.emitted(results);
        return roomIn(io.stdout, abort.signal);
      },
      onFailure(error) {
        screen.failed(error);
        return roomIn(io.stderr, abort.signal);
      },
    });
    screen.finish(summary, stoppedBy);
    if (stoppedBy !== undefined) return STOP_EXIT_CODES[stoppedBy];
    return summary.failures === 0 ? 0 : 1;
  } catch (error) {
    screen.broken();
    throw error;
  } finally {
    dispose();
    client.close();
  }
}

/** Resolves when a stream takes more: lines that nobody reads are not kept without end, and hold up the next cursor. */
async function roomIn(stream: Writable, signal: AbortSignal): Promise<void> {
  if (stream.writableNeedDrain && !signal.aborted) await once(stream, 'drain', { signal }).catch(() => {});
}

type Steps = AsyncIterable<ScriptStep | ScriptError> | Iterable<ScriptStep | ScriptError>;

/** What to emit: a cursor, a range or a script, of which exactly one must be asked for. */
async function stepsOf(
  cursor: string | undefined,
  options: EmitOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Steps> {
  const { from, to, file, namespace: namespaces } = options;
  const isRange = from !== undefined || to !== undefined;
  const asked = [cursor !== undefined, isRange, file !== undefined].filter(Boolean).length;
  if (asked !== 1) {
    const given = [
      ...(cursor === undefined ? [] : ['a cursor']),
      ...(isRange ? ['--from or --to'] : []),
      ...(file === undefined ? [] : ['--file']),
    ];
    const got = asked === 0 ? 'none of them' : given.join(' and ');
    throw invalid(
      `Expected a cursor, --from and --to, or --file, got ${got}. Try: npx datafn-ws emit 42 -n user:alice`,
    );
  }
  if (file !== undefined) {
    if (namespaces.length > 0)
      throw invalid('Expected no --namespace with --file: each line of the script names its own.');
    return readScript(await openScript(file, io), signal);
  }
  if (namespaces.length === 0) throw invalid('Expected --namespace, got none. Try: -n user:alice');
  if (cursor !== undefined) {
    // Node.js puts U+FFFD in place of bytes that are no UTF-8.
    const wrong = cursor.includes('\ufffd') ? 'UTF-8, got bytes that are none' : cursorProblem(cursor);
    if (wrong !== undefined) throw invalid(`Expected the cursor to be ${wrong}`);
    return [step(1, cursor, namespaces)];
  }
  if (from === undefined || to === undefined) {
    throw invalid(`Expected --from and --to together, got only ${from === undefined ? '--to' : '--from'}.`);
  }
  if (from > to) throw invalid(`Expected --from to be at most --to, got ${from} and ${to}.`);
  return range(from, to, namespaces);
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}

function step(line: number, cursor: string, namespaces: readonly string[]): ScriptStep {
  return { line, delayMs: 0, emissions: namespaces.map((namespace) => ({ namespace, cursor })) };
}

function* range(from: number, to: number, namespaces: readonly string[]): Generator<ScriptStep> {
  for (let cursor = from; cursor <= to; cursor++) yield step(cursor - from + 1, String(cursor), namespaces);
}

async function openScript(file: string, io: Io): Promise<Readable> {
  if (file === '-') return io.stdin;
  try {
    return await openFile(file);
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --file to be a file that can be read: ${messageOf(error)}`,
    );
  }
}

/** The likely reason for cursors without a delivery. */
const NOBODY = 'no client is connected in these namespaces; see who is with: npx datafn-ws who';

/** What `emit` prints: results on stdout, progress and failures on stderr. */
class EmitScreen {
  #emitted = 0;
  #deliveries = 0;
  #last: EmissionResult | undefined;
  #lastDrawnAtMs = 0;
  readonly #isLive: boolean;

  constructor(
    private readonly io: Io,
    private readonly json: boolean,
  ) {
    this.#isLive = io.stderr.isTTY === true && !json;
  }

  emitted(results: readonly EmissionResult[]): void {
    for (const result of results) {
      this.#emitted += 1;
      this.#deliveries += result.delivered;
      this.#last = result;
      if (this.json) this.io.stdout.write(`${printableJson({ event: 'emitted', ...result })}\n`);
    }
    const now = performance.now();
    if (!this.#isLive || now - this.#lastDrawnAtMs < 100 || this.io.stderr.writableLength > 0) return;
    this.#lastDrawnAtMs = now;
    this.io.stderr.write(
      `\r\x1b[K${formatAmount(this.#emitted, 'cursor')}, ${formatAmount(this.#deliveries, 'delivery', 'deliveries')}, now at ${printable(this.#last?.cursor ?? '')}`,
    );
  }

  failed(error: DatafnWsError): void {
    this.clear();
    const colors = colorsFor(this.io, 'stderr');
    this.io.stderr.write(`${colors.red('error:')} ${printable(error.message)}\n`);
  }

  /** The run ended at an error; says how far it had got, when it had got anywhere. */
  broken(): void {
    this.clear();
    if (this.#emitted === 0 || this.json) return;
    this.io.stderr.write(
      `stopped after ${formatAmount(this.#emitted, 'cursor')}, ${formatAmount(this.#deliveries, 'delivery', 'deliveries')}\n`,
    );
  }

  clear(): void {
    if (this.#isLive) this.io.stderr.write('\r\x1b[K');
  }

  finish(summary: EmitSummary, stoppedBy: StopSignal | undefined): void {
    this.clear();
    const { cursors, deliveries, failures, elapsedMs, maxLagMs } = summary;
    if (this.json) {
      this.io.stdout.write(
        `${printableJson({ event: 'summary', cursors, deliveries, failures, elapsedMs: Math.round(elapsedMs), aborted: stoppedBy !== undefined })}\n`,
      );
      return;
    }
    const colors = colorsFor(this.io, 'stdout');
    if (cursors === 1 && failures === 0 && this.#last !== undefined) {
      const { namespace, cursor, delivered } = this.#last;
      const nobody = delivered === 0 ? colors.yellow(' (no client is connected in that namespace)') : '';
      this.io.stdout.write(
        `cursor ${printable(cursor)} to ${printable(namespace)}: ${formatAmount(delivered, 'client')}${nobody}\n`,
      );
      return;
    }
    const parts = [
      formatAmount(cursors, 'cursor'),
      formatAmount(deliveries, 'delivery', 'deliveries'),
      formatAmount(failures, 'failure'),
    ];
    const lag = maxLagMs > 100 ? colors.yellow(`, up to ${formatDuration(maxLagMs)} behind the rate`) : '';
    const nobody = cursors > 0 && deliveries === 0 ? colors.yellow(` (${NOBODY})`) : '';
    const end = stoppedBy === undefined ? '' : colors.yellow(`, stopped by ${stoppedBy}`);
    this.io.stdout.write(`${parts.join(', ')} in ${formatDuration(elapsedMs)}${lag}${end}${nobody}\n`);
  }
}
