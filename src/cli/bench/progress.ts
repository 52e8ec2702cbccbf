import type { ChalkInstance } from 'chalk';
import { phaseOutcome } from '../../bench/live/phase-outcome.js';
import { RateMeter } from '../../bench/live/rate-meter.js';
import type { PhaseResult } from '../../bench/model/result.js';
import type { Phase, Scenario } from '../../bench/model/scenario.js';
import type { RunProgress } from '../../bench/recorder.js';
import type { RunObserver } from '../../bench/run-observer.js';
import { printable } from '../../text/printable.js';
import { formatDuration } from '../../text/units.js';
import { wrap } from '../../text/wrap.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';
import { LiveBlock } from '../live-block.js';
import { liveLines } from './live-lines.js';

/** More often would be unreadable. */
const REDRAW_MS = 100;
/** From one drawing to the next while nothing new is reported: the time goes on. */
const TICK_MS = 200;

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
