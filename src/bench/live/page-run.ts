import { printable } from '../../text/printable.js';
import { formatCount, formatDuration } from '../../text/units.js';
import { monotonicMs } from '../measure/clock.js';
import type { TimelinePoint } from '../measure/measurements.js';
import type { PhaseResult } from '../model/result.js';
import { clientCount, type Phase, type Scenario } from '../model/scenario.js';
import type { RunProgress } from '../recorder.js';
import type { RunObserver } from '../run-observer.js';
import { barsOf } from './bars.js';
import { phaseOutcome } from './phase-outcome.js';
import { RateMeter } from './rate-meter.js';

/** From one `now` of a page to the next, at least. */
const NOW_MS = 250;
/** Points that a page gets at first; of a longer run, every second, third, … of them. */
const MAX_POINTS = 2000;
/** Bars of a phase that does many things at once. */
const MAX_BARS = 12;

/** A run, before it begins. */
export interface RunAbout {
  readonly scenario: Scenario;
  /** What is tested. */
  readonly target: string;
  /** Which of several runs this is; empty for the only one. */
  readonly position: string;
}

/** A phase, for the list on the page. */
interface ShownPhase {
  readonly label: string;
  readonly state: 'planned' | 'running' | 'done' | 'stopped';
  /** From the beginning of the run, in seconds; `undefined` before it. */
  readonly startSeconds?: number;
  readonly outcome?: string;
  /** Rules of the phase that did not hold. */
  readonly broken?: readonly string[];
}

/** What a page can be told. */
export interface PageMessages {
  readonly run: object;
  /** Points to add; `isFirst` for all so far. */
  readonly points: { readonly isFirst: boolean; readonly points: readonly TimelinePoint[] };
  readonly now: object;
}

/** Called with each message. The message is made for readers only. */
export type TellPage = <Kind extends keyof PageMessages>(kind: Kind, make: () => PageMessages[Kind]) => void;

/** Observes a run, and makes the messages of its page. Every text in them is ready to be shown. */
export class PageRun implements RunObserver {
  readonly #phases: ShownPhase[];
  readonly #points: TimelinePoint[] = [];
  readonly #deliveries = new RateMeter();
  #phase: Phase | undefined;
  #index = 0;
  #phaseStartMs = 0;
  /** When the run began. */
  #startMs = monotonicMs();
  #latest: RunProgress | undefined;
  #toldMs = 0;
  #deliveriesPerSecond = 0;

  constructor(
    private readonly about: RunAbout,
    private readonly tell: TellPage,
  ) {
    this.#phases = about.scenario.phases.map(({ label }) => ({ label: printable(label), state: 'planned' }));
  }

  /** What a new reader is told first. */
  beginTo(tell: TellPage): void {
    const { length } = this.#points;
    const step = Math.ceil(length / MAX_POINTS);
    // The last one is always among them.
    const points = this.#points.filter((_, index) => (length - 1 - index) % step === 0);
    tell('run', () => this.#run());
    tell('points', () => ({ isFirst: true, points }));
    tell('now', () => this.#now());
  }

  phaseStarted(phase: Phase, index: number): void {
    this.#phase = phase;
    this.#index = index;
    this.#phaseStartMs = monotonicMs();
    const startSeconds = (this.#phaseStartMs - this.#startMs) / 1000;
    this.#phases[index] = { label: printable(phase.label), state: 'running', startSeconds };
    this.#tellAll();
  }

  progress(progress: RunProgress): void {
    this.#latest = progress;
    const nowMs = monotonicMs();
    if (nowMs - this.#toldMs < NOW_MS) return;
    this.#toldMs = nowMs;
    this.#deliveriesPerSecond = this.#deliveries.record(nowMs, progress.received);
    this.tell('now', () => this.#now());
  }

  second(point: TimelinePoint): void {
    if (this.#points.length === 0) this.#startMs = monotonicMs() - point.atMs;
    this.#points.push(point);
    this.tell('points', () => ({ isFirst: false, points: [point] }));
  }

  phaseEnded(result: PhaseResult): void {
    this.#phase = undefined;
    const { phase, isFinished, startMs, durationMs, outcomes } = result;
    const outcome = [
      phaseOutcome(result),
      `${isFinished ? 'took' : 'stopped after'} ${formatDuration(durationMs)}`,
    ];
    this.#phases[this.#index] = {
      label: printable(phase.label),
      state: isFinished ? 'done' : 'stopped',
      startSeconds: startMs / 1000,
      outcome: printable(outcome.filter((part) => part !== '').join(', ')),
      // For a phase that was stopped early, a rule without a sample has not failed.
      broken: outcomes
        .filter(({ passed, actual }) => !passed && (isFinished || actual !== undefined))
        .map(({ expectation, shown }) => printable(`${expectation.text}: got ${shown}`)),
    };
    this.#tellAll();
  }

  #tellAll(): void {
    this.tell('run', () => this.#run());
    this.tell('now', () => this.#now());
  }

  #run(): object {
    const { scenario, target, position } = this.about;
    return {
      name: printable(scenario.name),
      summary: printable(scenario.summary),
      facts: printable(
        [`${formatCount(clientCount(scenario))} clients against ${target}`, `seed ${scenario.seed}`].join(
          ', ',
        ),
      ),
      position: printable(position),
      phases: this.#phases,
    };
  }

  #now(): object {
    const { scenario } = this.about;
    const { open = [], failed = 0, received = 0, fanoutP99Ms } = this.#latest ?? {};
    const nowMs = monotonicMs();
    const elapsedMs = nowMs - this.#phaseStartMs;
    const progress = this.#latest;
    const bars =
      this.#phase === undefined || progress === undefined
        ? []
        : barsOf({ scenario, phase: this.#phase, elapsedMs, progress });
    const connected = open.reduce((total, count) => total + count, 0);
    return {
      runSeconds: (nowMs - this.#startMs) / 1000,
      phaseSeconds: this.#phase === undefined ? undefined : elapsedMs / 1000,
      bars: bars
        .slice(0, MAX_BARS)
        .map(({ name, share, text }) => ({ name: printable(name), share, text: printable(text) })),
      numbers: [
        ['connected', `${formatCount(connected)} of ${formatCount(clientCount(scenario))}`],
        ['closed or failed', formatCount(failed)],
        ['deliveries', formatCount(received)],
        ['deliveries/s', formatCount(this.#deliveriesPerSecond)],
        ['fan-out p99', fanoutP99Ms === undefined ? '–' : formatDuration(fanoutP99Ms)],
      ],
    };
  }
}
