import type { ChalkInstance } from 'chalk';
import type { PhaseResult } from '../../bench/result.js';
import type { RunObserver, RunProgress } from '../../bench/run.js';
import {
  actionsOf,
  arrivalMs,
  type Phase,
  type PhaseAction,
  type Scenario,
} from '../../bench/scenario/model.js';
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

  phaseEnded(result: PhaseResult): void {
    this.clear();
    const { phase, durationMs, outcomes } = result;
    const outcome = phaseOutcome(result);
    const took = this.#colors.dim(`in ${formatDuration(durationMs)}`);
    this.io.stderr.write(
      `${this.#colors.dim(this.#step)} ${phase.label}${outcome === '' ? '' : `: ${outcome}`} ${took}\n`,
    );
    for (const { expectation, shown, passed } of outcomes) {
      if (!passed)
        this.io.stderr.write(
          `    ${this.#colors.red('✗')} ${expectation.text}  ${this.#colors.red(shown)}\n`,
        );
    }
  }

  clear(): void {
    if (this.#isDrawn) this.io.stderr.write('\r\x1b[K');
    this.#isDrawn = false;
  }
}

/** How long an action is meant to take, as far as that is known. */
function plannedMs(action: PhaseAction, scenario: Scenario): number {
  switch (action.kind) {
    case 'connect': {
      const clients = scenario.cohorts[action.cohort]?.clients ?? 0;
      return arrivalMs(action.arrivals, clients, clients);
    }
    case 'emit':
    case 'hold':
    case 'churn':
      return action.durationMs;
    case 'restart-server':
      return action.downtimeMs;
    case 'parallel':
      return Math.max(...action.phases.map((inner) => plannedMs(inner, scenario)));
    case 'sequence':
      return action.phases.reduce((total, inner) => total + plannedMs(inner, scenario), 0);
    case 'disconnect':
    case 'shutdown-server':
      return 0;
  }
}

/** What a phase came to, in a few words. */
function phaseOutcome({ phase, measurements }: PhaseResult): string {
  const tallies = measurements.cohorts.map(({ tally }) => tally);
  const sum = (of: (tally: (typeof tallies)[number]) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const kinds = new Set([...actionsOf(phase)].map(({ kind }) => kind));
  const parts: [string, number, boolean][] = [
    ['opened', sum(({ counters }) => counters.opened), kinds.has('connect') || kinds.has('churn')],
    ['closed by the server', sum((tally) => tally.closed.total), false],
    [
      'failed',
      sum(({ errors, rejected, counters }) => errors.total + rejected.total + counters.timeouts),
      false,
    ],
    ['left', sum(({ counters }) => counters.left), kinds.has('disconnect')],
    ['reconnected', sum(({ counters }) => counters.reconnects), false],
    ['deliveries', sum(({ counters }) => counters.received), kinds.has('emit')],
    ['lost', sum(({ counters }) => counters.lost), kinds.has('emit')],
  ];
  return parts
    .filter(([, count, always]) => always || count > 0)
    .map(([word, count]) => `${formatCount(count)} ${word}`)
    .join(', ');
}
