import type { ChalkInstance } from 'chalk';
import type { Tally } from '../../bench/measure/tally.js';
import type { RunObserver, RunProgress } from '../../bench/run.js';
import type { Phase, Scenario } from '../../bench/scenario/model.js';
import { formatCount, formatDuration } from '../../protocol/units.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';

const BAR_WIDTH = 20;

/** What `bench` shows on stderr while it runs: a live line on a terminal, and everywhere a line for each phase. */
export class ProgressScreen implements RunObserver {
  readonly #isLive: boolean;
  readonly #colors: ChalkInstance;
  #phase: Phase | undefined;
  #step = '';
  #startedAtMs = 0;
  #receivedBefore = 0;
  #received = 0;
  #isDrawn = false;

  constructor(
    private readonly io: Io,
    private readonly scenario: Scenario,
    forceLive: boolean,
  ) {
    this.#isLive = forceLive || (io.stderr.isTTY === true && io.env.TERM !== 'dumb');
    this.#colors = colorsFor(io, 'stderr');
  }

  phaseStarted(phase: Phase, index: number, of: number): void {
    if (index === 0) this.io.stderr.write(`${this.#colors.bold(this.scenario.name)}\n`);
    this.#phase = phase;
    this.#step = `${String(index + 1).padStart(String(of).length)}/${of}`;
    this.#startedAtMs = performance.now();
    this.#receivedBefore = this.#received;
    this.progress({ open: 0, failed: 0, received: this.#received });
  }

  progress({ open, failed, received }: RunProgress): void {
    this.#received = received;
    const phase = this.#phase;
    if (!this.#isLive || phase === undefined) return;
    const elapsedMs = performance.now() - this.#startedAtMs;
    const seconds = Math.max(0.2, elapsedMs / 1000);
    const rate = Math.round((received - this.#receivedBefore) / seconds);
    const parts = [
      `${formatCount(open)} open`,
      failed > 0 ? this.#colors.yellow(`${formatCount(failed)} closed by the server`) : '',
      phase.kind === 'emit' ? `${formatCount(rate)} deliveries/s` : '',
    ].filter((part) => part !== '');
    const line = `${this.#step} ${this.#bar(phase, elapsedMs)} ${parts.join(', ')}`;
    this.io.stderr.write(`\r\x1b[K${line}`);
    this.#isDrawn = true;
  }

  #bar(phase: Phase, elapsedMs: number): string {
    const planned = plannedMs(phase, this.scenario);
    const share = planned === 0 ? 0 : Math.min(1, elapsedMs / planned);
    const filled = Math.round(share * BAR_WIDTH);
    return `${this.#colors.cyan('█'.repeat(filled))}${this.#colors.dim('░'.repeat(BAR_WIDTH - filled))} ${phase.kind}`;
  }

  phaseEnded(phase: Phase, durationMs: number, tallies: readonly Tally[]): void {
    this.clear();
    const outcome = phaseOutcome(phase, tallies);
    const took = this.#colors.dim(`in ${formatDuration(durationMs)}`);
    this.io.stderr.write(
      `${this.#colors.dim(this.#step)} ${phase.label}${outcome === '' ? '' : `: ${outcome}`} ${took}\n`,
    );
  }

  clear(): void {
    if (this.#isDrawn) this.io.stderr.write('\r\x1b[K');
    this.#isDrawn = false;
  }
}

function plannedMs(phase: Phase, scenario: Scenario): number {
  switch (phase.kind) {
    case 'connect':
      return ((scenario.cohorts[phase.cohort]?.clients ?? 0) * 1000) / phase.ratePerSecond;
    case 'emit':
    case 'hold':
      return phase.durationMs;
    case 'disconnect':
      return 0;
  }
}

/** What a phase came to, in a few words. */
function phaseOutcome(phase: Phase, tallies: readonly Tally[]): string {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  const opened = sum(({ counters }) => counters.opened);
  const closed = sum((tally) => tally.closed.total);
  const failed = sum(({ errors, rejected, counters }) => errors.total + rejected.total + counters.timeouts);
  const lost = sum(({ counters }) => counters.lost);
  const parts = [
    phase.kind === 'connect' ? `${formatCount(opened)} opened` : '',
    closed > 0 ? `${formatCount(closed)} closed by the server` : '',
    failed > 0 ? `${formatCount(failed)} failed` : '',
    phase.kind === 'emit'
      ? `${formatCount(sum(({ counters }) => counters.received))} deliveries, ${formatCount(lost)} lost`
      : '',
    phase.kind === 'disconnect' ? `${formatCount(sum(({ counters }) => counters.left))} left` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
