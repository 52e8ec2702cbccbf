import type { ChalkInstance } from 'chalk';
import type { FindObserver } from '../../bench/find/find.js';
import type { FindPlan } from '../../bench/find/plan.js';
import type { Try } from '../../bench/find/search.js';
import { loadText, QUANTITIES, type QuantityName } from '../../bench/model/quantity.js';
import type { Phase } from '../../bench/model/scenario.js';
import type { FindStep } from '../../bench/report/find-schema.js';
import { PURPOSES } from '../../bench/report/sections/limit.js';
import type { RunObserver } from '../../bench/run-observer.js';
import { printable } from '../../text/printable.js';
import { formatCount, formatDuration, formatPercent } from '../../text/units.js';
import { colorsFor } from '../color.js';
import type { Io } from '../io.js';
import { LiveBlock } from '../live-block.js';

const REDRAW_MS = 200;

/** What `bench find` shows on stderr: a line for each run, and on a terminal the one that is under way. */
export class FindScreen implements FindObserver, RunObserver {
  readonly #live: LiveBlock | undefined;
  readonly #colors: ChalkInstance;
  readonly #of: QuantityName;
  #now = '';
  #phase = '';
  #startedAtMs = 0;
  #ticker: NodeJS.Timeout | undefined;

  /** @param live whether there is a live line; `undefined` leaves it to whether stderr is a terminal. */
  constructor(
    private readonly io: Io,
    scenario: string,
    plan: FindPlan,
    live: boolean | undefined,
  ) {
    const isLive = live ?? (io.stderr.isTTY === true && io.env.TERM !== 'dumb');
    this.#live = isLive ? new LiveBlock(io) : undefined;
    this.#colors = colorsFor(io, 'stderr');
    this.#of = plan.of;
    const rules = printable(plan.rules.join(', '));
    io.stderr.write(
      `${this.#colors.bold(printable(scenario))}: how many ${QUANTITIES[plan.of].what} until one of these breaks: ${rules}\n`,
    );
  }

  trying({ load, purpose, attempt }: Try, number: number): void {
    const again = attempt > 1 ? ', again' : '';
    this.#now = `run ${number}, to ${PURPOSES[purpose]}${again}: ${loadText(load, this.#of)}`;
    this.#phase = 'starting';
    this.#startedAtMs = performance.now();
    if (this.#live === undefined) return;
    this.#ticker ??= setInterval(() => this.#draw(), REDRAW_MS).unref();
    this.#draw();
  }

  phaseStarted(phase: Phase): void {
    this.#phase = printable(phase.label);
    this.#draw();
  }

  tried(step: FindStep, number: number): void {
    this.#live?.erase();
    const { load, outcome, broke, reasons, p99Ms, serverCpu } = step;
    const word = {
      holds: this.#colors.green('✓ holds'),
      breaks: this.#colors.red('✗ breaks'),
      saturated: this.#colors.yellow('! the load generator was the bottleneck'),
      gone: this.#colors.red('✗ the server is gone'),
    }[outcome];
    const facts = [
      ...(p99Ms === undefined ? [] : [`${QUANTITIES[this.#of].curve.name} p99 ${formatDuration(p99Ms)}`]),
      ...(serverCpu === undefined ? [] : [`server CPU ${formatPercent(serverCpu)}`]),
    ];
    const why = [...broke.map(({ rule, shown }) => `${rule} (${shown})`), ...reasons];
    const details = why.length > 0 ? why : facts;
    const tail = details.length === 0 ? '' : `: ${printable(details.join(', '))}`;
    this.io.stderr.write(
      `${this.#colors.dim(formatCount(number).padStart(3))} ${loadText(load, this.#of)} ${word}${tail}\n`,
    );
  }

  /** Removes the live line for good. Idempotent. */
  close(): void {
    clearInterval(this.#ticker);
    this.#live?.close();
  }

  #draw(): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(1);
    this.#live?.draw([`${this.#now}  ${this.#colors.dim(`${this.#phase}  ${seconds} s`)}`]);
  }
}
