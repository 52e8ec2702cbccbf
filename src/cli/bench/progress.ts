import type { ChalkInstance } from 'chalk';
import type { PhaseResult } from '../../bench/model/result.js';
import { actionsOf, type Phase, type Scenario } from '../../bench/model/scenario.js';
import { kindOf } from '../../bench/phases/index.js';
import type { RunProgress } from '../../bench/recorder.js';
import type { RunObserver } from '../../bench/run.js';
import { printable } from '../../text/printable.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { wrap } from '../../text/wrap.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';
import { LiveBlock } from '../live-block.js';
import { liveLines } from './live-lines.js';

/** More often would be unreadable. */
const REDRAW_MS = 100;
/** From one drawing to the next while nothing new is reported: the time goes on. */
const TICK_MS = 200;
/** The stretch of time that a live rate is of. */
const RATE_MS = 1000;

/** What `bench` shows on stderr while it runs: a live view on a terminal, and everywhere a line for each phase. */
export class ProgressScreen implements RunObserver {
  readonly #live: LiveBlock | undefined;
  readonly #colors: ChalkInstance;
  readonly #deliveries = new RateMeter();
  #phase: Phase | undefined;
  #step = '';
  #startedAtMs = 0;
  #drawnAtMs = 0;
  #latest: RunProgress | undefined;
  #ticker: NodeJS.Timeout | undefined;

  /** @param live whether there is a live view; `undefined` leaves it to whether stderr is a terminal. */
  constructor(
    private readonly io: Io,
    private readonly scenario: Scenario,
    live: boolean | undefined,
  ) {
    const isLive = live ?? (io.stderr.isTTY === true && io.env.TERM !== 'dumb');
    this.#live = isLive ? new LiveBlock(io) : undefined;
    this.#colors = colorsFor(io, 'stderr');
  }

  waiting(ms: number): void {
    this.io.stderr.write(`ready; every shard begins in ${formatDuration(Math.max(0, ms))}\n`);
  }

  phaseStarted(phase: Phase, index: number, of: number): void {
    if (index === 0) this.io.stderr.write(`${this.#colors.bold(printable(this.scenario.name))}\n`);
    this.#phase = phase;
    this.#step = `${String(index + 1).padStart(String(of).length)}/${of}`;
    this.#startedAtMs = performance.now();
    this.#drawnAtMs = 0;
    if (this.#live === undefined) return;
    this.#ticker ??= setInterval(() => {
      if (this.#latest !== undefined) this.progress(this.#latest);
    }, TICK_MS).unref();
  }

  progress(progress: RunProgress): void {
    this.#latest = progress;
    const nowMs = performance.now();
    const deliveriesPerSecond = this.#deliveries.record(nowMs, progress.received);
    const phase = this.#phase;
    if (this.#live === undefined || phase === undefined || nowMs - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = nowMs;
    const elapsedMs = nowMs - this.#startedAtMs;
    const { scenario } = this;
    const moment = { scenario, phase, step: this.#step, elapsedMs, progress, deliveriesPerSecond };
    this.#live.draw(liveLines(moment, this.#live.columns, this.#colors));
  }

  phaseEnded(result: PhaseResult): void {
    this.#live?.erase();
    this.#phase = undefined;
    const { phase, durationMs, outcomes, isFinished } = result;
    const outcome = phaseOutcome(result);
    const done = outcome === '' && isFinished ? 'done' : outcome;
    const what = `${printable(phase.label)}${done === '' ? '' : `: ${done}`}`;
    const took = `${isFinished ? ' in' : ', stopped after'} ${formatDuration(durationMs)}`;
    // A pipe gets a line, whatever its length; on a terminal it is broken between words.
    const lines =
      this.#live === undefined ? [`${what}${took}`] : wrap(`${what}${took}`, this.#live.columns - 6);
    const [first = '', ...others] = lines;
    this.io.stderr.write(`${this.#colors.dim(this.#step)} ${first}\n`);
    for (const line of others) this.io.stderr.write(`    ${line}\n`);
    for (const { expectation, shown, passed, actual } of outcomes) {
      // For a phase that was stopped early, a rule without a sample has not failed.
      if (!passed && (isFinished || actual !== undefined))
        this.io.stderr.write(
          `    ${this.#colors.red('✗')} ${printable(expectation.text)}  ${this.#colors.red(shown)}\n`,
        );
    }
  }

  /** Removes the live view for good. Idempotent. */
  close(): void {
    clearInterval(this.#ticker);
    this.#live?.close();
  }
}

/** How fast a number that only grows has grown of late. */
class RateMeter {
  #samples: { readonly atMs: number; readonly value: number }[] = [];

  /** Takes the number as it is now; its growth a second, over the last second or what there is of it. */
  record(atMs: number, value: number): number {
    // One from before the stretch is kept, so that the stretch is a whole one.
    const second = this.#samples.findIndex((sample) => atMs - sample.atMs < RATE_MS);
    this.#samples.splice(0, Math.max(0, second === -1 ? this.#samples.length - 1 : second - 1));
    this.#samples.push({ atMs, value });
    const [first] = this.#samples;
    if (first === undefined || first.atMs === atMs) return 0;
    return Math.round(Math.max(0, value - first.value) / ((atMs - first.atMs) / 1000));
  }
}

/** What a phase came to, in a few words. */
function phaseOutcome({ phase, measurements }: PhaseResult): string {
  const tallies = measurements.cohorts.map(({ tally }) => tally);
  const sum = (of: (tally: (typeof tallies)[number]) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const always = new Set([...actionsOf(phase)].flatMap((action) => kindOf(action).counts ?? []));
  const received = sum(({ counters }) => counters.received);
  const parts: [string, number, boolean][] = [
    ['opened', sum(({ counters }) => counters.opened), always.has('opened')],
    ['closed by the server', sum((tally) => tally.closed.total), false],
    [
      'failed',
      sum(({ errors, rejected, counters }) => errors.total + rejected.total + counters.timeouts),
      false,
    ],
    ['disconnected', sum(({ counters }) => counters.disconnected), always.has('disconnected')],
    ['reconnected', sum(({ counters }) => counters.reconnects), false],
    [received === 1 ? 'delivery' : 'deliveries', received, always.has('deliveries')],
    ['lost', sum(({ counters }) => counters.lost), always.has('lost')],
  ];
  return parts
    .filter(([, count, isAlways]) => isAlways || count > 0)
    .map(([word, count]) => `${formatCount(count)} ${word}`)
    .join(', ');
}
